"""Sessions follow a certified OpenID provider: rotation and reuse, people who change, back-channel logout."""

from __future__ import annotations

import queue
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.oidc import OidcProvider
from airflow_oidc_auth.providers.provider import HeldTokens, SignIn
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing.loopback import Answer, LoopbackServer, Request
from tests.e2e.identity_providers import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.unit.providers.making import make_settings

ADA = "op-0001"


class Browser:
    """Follows redirects as a browser does, but stops at our own address."""

    def __init__(self, ours: str) -> None:
        self.ours, self.session = ours, requests.Session()
        self.session.trust_env = False

    def go(self, method: str, url: str, form: dict[str, str] | None = None) -> requests.Response | str:
        """Return the page that is shown, or the address at ours that the browser is sent to."""
        while not url.startswith(self.ours):
            answer = self.session.request(method, url, data=form, allow_redirects=False, timeout=10)
            if answer.status_code not in (302, 303):
                return answer
            method, url, form = "GET", urljoin(url, answer.headers["Location"]), None
        return url


class Relying:
    """Our side: a provider, and an address that takes logout tokens."""

    def __init__(self, op_log: Path) -> None:
        self.tokens: queue.Queue[str] = queue.Queue()
        self.server = LoopbackServer(self._receive)
        self.server.start()
        self.op = OpenIdProvider(op_log, self.server.origin)
        self.provider = build_provider(self._settings())
        assert isinstance(self.provider, OidcProvider)

    def _settings(self) -> ProviderSettings:
        return make_settings(
            id="op",
            issuer=self.op.issuer,
            client_id=CLIENT_ID,
            client_secret=Secret(CLIENT_SECRET),
            scopes=("openid", "profile", "email", "groups"),
        )

    def _receive(self, request: Request) -> Answer:
        assert request.path == "/auth/backchannel-logout/op"
        self.tokens.put(request.form["logout_token"])
        return Answer(200)

    def sign_in(self, browser: Browser) -> SignIn:
        callback = f"{self.server.origin}/auth/callback/op"
        attempt = LoginAttempt("op", "s" * 22, "n" * 22, Secret("v" * 43), callback, "/", 0, "c")
        page = browser.go("GET", self.provider.build_authorization_url(attempt))
        assert isinstance(page, requests.Response)
        answer = browser.go("POST", page.url, {"sub": ADA})
        assert isinstance(answer, str)
        return self.provider.complete(attempt, dict(parse_qsl(urlsplit(answer).query)))

    def sign_out(self, browser: Browser, signed_in: SignIn) -> None:
        back = f"{self.server.origin}/auth/signed-out"
        url = self.provider.build_logout_url(id_token_hint=signed_in.id_token, post_logout_redirect_uri=back)
        assert url is not None
        page = browser.go("GET", url)
        assert isinstance(page, requests.Response)
        (xsrf,) = re.findall(r'name="xsrf" value="([^"]+)"', page.text)
        (action,) = re.findall(r'action="([^"]+)"', page.text)
        assert browser.go("POST", urljoin(page.url, action), {"xsrf": xsrf, "logout": "yes"}) == back


@pytest.fixture
def relying(tmp_path: Path) -> Iterator[Relying]:
    party = Relying(tmp_path / "op.log")
    yield party
    party.op.stop()
    party.server.stop()


@pytest.fixture
def browser(relying: Relying) -> Browser:
    return Browser(relying.server.origin)


def held(signed_in: SignIn) -> HeldTokens:
    assert signed_in.refresh_token is not None
    return HeldTokens(signed_in.id_token, signed_in.refresh_token)


def test_a_session_is_confirmed_again_and_again_while_tokens_rotate(relying: Relying, browser: Browser) -> None:
    signed_in = relying.sign_in(browser)
    tokens, known, seen = held(signed_in), signed_in.identity, set()
    for groups in (["airflow-admins"], ["airflow-viewers"], []):
        relying.op.change(ADA, {"groups": groups})
        confirmation = relying.provider.confirm(tokens, known)
        assert confirmation.identity is not None
        assert confirmation.identity.groups == set(groups)
        assert confirmation.sid == signed_in.sid
        tokens, known = confirmation.tokens, confirmation.identity
        assert tokens.refresh_token is not None
        seen.add(tokens.refresh_token.reveal())
    assert len(seen) == 3


def test_a_refresh_token_that_is_used_twice_ends_the_session(relying: Relying, browser: Browser) -> None:
    signed_in = relying.sign_in(browser)
    tokens = relying.provider.confirm(held(signed_in), signed_in.identity).tokens
    for each in (held(signed_in), tokens):
        with pytest.raises(LoginRefused, match="session_refused_by_provider"):
            relying.provider.confirm(each, signed_in.identity)


def test_somebody_who_was_removed_is_refused(relying: Relying, browser: Browser) -> None:
    signed_in = relying.sign_in(browser)
    relying.op.change(ADA, None)
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        relying.provider.confirm(held(signed_in), signed_in.identity)


def test_signing_out_at_the_idp_sends_a_logout_token_and_ends_the_grant(relying: Relying, browser: Browser) -> None:
    signed_in = relying.sign_in(browser)
    relying.sign_out(browser, signed_in)
    token = relying.tokens.get(timeout=5)
    claims = relying.provider.read_logout_token(token)
    assert (claims.issuer, claims.subject, claims.sid) == (relying.op.issuer, ADA, signed_in.sid)
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        relying.provider.confirm(held(signed_in), signed_in.identity)
    assert signed_in.id_token is not None
    with pytest.raises(ProtocolViolation, match="logout_token_events"):
        relying.provider.read_logout_token(signed_in.id_token.reveal())
