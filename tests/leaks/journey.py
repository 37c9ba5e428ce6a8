"""A day at this Airflow: people, programs, thieves and an IdP that stumbles, each with secrets of theirs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from airflow_oidc_auth.testing import FakeIdp, Program
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from airflow_oidc_auth.testing.proofs import ProofKey
from tests.leaks.hoard import Hoard
from tests.leaks.watch import LINK, Watch

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
PAGES = (
    *(
        "/auth/access",
        "/auth/sessions",
        "/auth/health",
        "/auth/openapi.json",
        "/ui/auth/me",
        "/ui/auth/menus",
        "/ui/config",
    ),
    *("/api/v2/config", "/api/v2/eventLogs?limit=100", "/api/v2/connections", "/api/v2/variables", "/api/v2/plugins"),
)
LIES = (
    Misbehaviour(id_token_claims={"nonce": "of somebody else"}),
    Misbehaviour(signature="broken"),
    Misbehaviour(omit_from_token_response=("id_token",)),
    Misbehaviour(id_token_offsets={"exp": -3600}),
    Misbehaviour(faults={"token": "error_500"}),
    Misbehaviour(userinfo_claims={"sub": "somebody-else"}),
)


@dataclass(frozen=True)
class Site:
    """An Airflow and what surrounds it.

    :param recheck: lets the IdP confirm the session of a browser's cookie now
    :param make_link: makes a break-glass link and returns its token
    :param token_client: name and secret of a client of the token endpoint
    :param audience: of access tokens, and of the jobs' tokens
    """

    base_url: str
    client: Callable[[], httpx.Client]
    idp: FakeIdp
    jobs: FakeIdp
    hoard: Hoard
    watch: Watch
    recheck: Callable[[str], None]
    make_link: Callable[[], str]
    token_client: tuple[str, str]
    audience: tuple[str, str]

    def browser(self) -> httpx.Client:
        """Return a browser that nobody has used, watched."""
        return self.watch.on(self.client())

    def begin(self, browser: httpx.Client, user: str = "ada") -> dict[str, str]:
        """Sign in at the IdP; return what the browser is to bring back."""
        answer = browser.get("/auth/login/oidc", params={"next": f"{self.base_url}/dags"})
        assert answer.status_code in {303, 307}, answer.text
        brought = self.idp.sign_in(answer.headers["location"], user)
        self.hoard.add("code", brought["code"])
        return brought

    def sign_in(self, user: str = "ada") -> httpx.Client:
        """Return the browser of somebody who is signed in."""
        browser = self.browser()
        answer = browser.get("/auth/callback/oidc", params=self.begin(browser, user))
        assert answer.status_code == 303, answer.text
        return browser

    def token(self, subject: str = "uma", **options: object) -> str:
        """Return an access token of the IdP."""
        made = self.idp.programs.jwt(subject, self.audience[0], **options)  # type: ignore[arg-type]
        self.hoard.add("access token", made)
        return made


def live_a_day(site: Site) -> httpx.Client:
    """Do all of it; returns a browser that is still signed in."""
    browser = site.sign_in()
    look_around(site, browser)
    stumble(site)
    site.recheck(browser.cookies["_token"])
    call_with_tokens(site)
    ask_for_tokens(site, browser)
    misuse(site)
    break_glass(site)
    sign_out(site)
    look_around(site, browser)
    return browser


def look_around(site: Site, browser: httpx.Client) -> None:
    """Open every page that shows settings, sessions, audit rows or people."""
    for page in PAGES:
        answer = browser.get(page)
        assert answer.status_code < 500, (page, answer.text[:300])
    browser.get("/auth/sessions", params={"q": "ada"})


def stumble(site: Site) -> None:
    """Bring codes twice, late, of others, and to an IdP that lies or is down."""
    browser = site.browser()
    brought = site.begin(browser)
    browser.get("/auth/callback/oidc", params={**brought, "state": secrets.token_urlsafe(32)})
    browser.get("/auth/callback/oidc", params={**brought, "iss": "https://evil.example"})
    browser.get("/auth/callback/oidc", params={**brought, "code": ["one", "two"]})
    answer = browser.get("/auth/callback/oidc", params=brought)
    assert answer.status_code in {303, 400}, answer.text
    browser.get("/auth/callback/oidc", params=brought)
    browser.get("/auth/callback/oidc", params={"error": "access_denied", "state": brought["state"]})
    browser.post("/auth/callback/oidc", data=brought)
    browser.get("/auth/callback/nobody", params=brought)
    for lie in LIES:
        browser, honest = site.browser(), site.idp.misbehaviour
        brought = site.begin(browser)
        site.idp.misbehaviour = lie
        try:
            answer = browser.get("/auth/callback/oidc", params=brought)
        finally:
            site.idp.misbehaviour = honest
        assert answer.status_code in {303, 400, 401, 403, 502, 503}, answer.text


def call_with_tokens(site: Site) -> None:
    """Call the API: good, forged, late, opaque, bound."""
    for options in ({}, {"signature": "none"}, {"signature": "broken"}, {"lifetime": -900}, {"claims": {"aud": "x"}}):
        bearer(site, site.token(**options))
    opaque = site.idp.programs.opaque("uma", site.audience[0])
    site.hoard.add("access token", opaque)
    bearer(site, opaque)
    key, thief, url = ProofKey(), ProofKey(), f"{site.base_url}/api/v2/dags"
    token = site.token("uma", program=Program("ci", jkt=key.jkt))
    for prover in (key, thief):
        proof = prover.prove("GET", url, token)
        site.hoard.add("proof", proof)
        bearer(site, token, scheme="DPoP", DPoP=proof)
    bearer(site, token)


def bearer(
    site: Site, token: str, path: str = "/api/v2/dags", scheme: str = "Bearer", **headers: str
) -> httpx.Response:
    """Call the API with a token."""
    answer = site.browser().get(path, headers={"Authorization": f"{scheme} {token}", **headers})
    assert answer.status_code < 500, answer.text
    return answer


def ask_for_tokens(site: Site, browser: httpx.Client) -> None:
    """Get Airflow's tokens in every way there is, use, exchange and revoke them."""
    program = site.browser()
    made = browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    bearer(site, made)
    form = {"grant_type": EXCHANGE, "subject_token": site.token(), "subject_token_type": ACCESS_TOKEN}
    exchanged = program.post("/auth/token", data=form).json()["access_token"]
    bearer(site, exchanged)
    key = ProofKey()
    proof = key.prove("POST", f"{site.base_url}/auth/token")
    site.hoard.add("proof", proof)
    program.post("/auth/token", data=form, headers={"DPoP": proof})
    name, secret = site.token_client
    site.hoard.add("client secret", secret)
    program.post("/auth/token", data={"grant_type": "client_credentials"}, auth=(name, secret))
    posted = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
    assert program.post("/auth/token", data=posted).status_code == 200
    job = site.jobs.programs.jwt("repo:acme/dags:ref:refs/heads/main", site.audience[1], Program("ci"))
    site.hoard.add("assertion", job)
    program.post("/auth/token", data={"grant_type": JWT_BEARER, "assertion": job})
    terminal = site.idp.programs.jwt(
        "uma", "airflow-cli", header={"typ": "JWT"}, claims={"client_id": None, "jti": None}
    )
    site.hoard.add("id_token", terminal)
    shown = {"grant_type": EXCHANGE, "subject_token": terminal, "subject_token_type": ID_TOKEN, "provider": "oidc"}
    assert program.post("/auth/token/cli", data=shown).status_code == 200
    assert program.post("/auth/token/revoke", data={"token": exchanged}).status_code == 200
    bearer(site, exchanged)


def misuse(site: Site) -> None:
    """Put secrets where they do not belong: addresses, wrong fields, broken bodies."""
    program, token = site.browser(), site.token()
    name, secret = site.token_client
    program.get(f"/api/v2/dags?access_token={token}")
    program.post(f"/auth/token?client_secret={secret}&grant_type=client_credentials&client_id={name}")
    program.post("/auth/token", json={"grant_type": "client_credentials", "client_id": name, "client_secret": secret})
    program.post("/auth/token", data={"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": token})
    program.post("/auth/token", data={"grant_type": token, "scope": token, "audience": token, "expires_in": token})
    program.post("/auth/token", data={"grant_type": "password", "username": "ada", "password": secret})
    program.post("/auth/token", data={"grant_type": "client_credentials"}, auth=(secret, name))
    program.post("/auth/token", content=f"client_secret={secret}", headers={"content-type": "text/plain"})
    program.post("/auth/token/revoke", data={"token": token, "token_type_hint": token})
    program.post("/auth/token/cli", data={"grant_type": EXCHANGE, "subject_token": token, "provider": token})
    program.post("/auth/backchannel-logout/oidc", data={"logout_token": token})
    program.get("/auth/login/oidc", params={"next": f"https://evil.example/?t={token}"})
    for headers in ({"Authorization": token}, {"Authorization": f"Bearer {token} {token}"}, {"DPoP": token}):
        program.get("/api/v2/dags", headers=headers)
    program.get("/ui/auth/me", headers={"Cookie": f"_token={token}"})


def break_glass(site: Site) -> None:
    """Open a one-time link, twice; and one that is not genuine."""
    token = site.make_link()
    site.hoard.add(LINK, token)
    site.hoard.add(LINK, token.partition(".")[2])
    browser = site.browser()
    page = browser.get("/auth/break-glass", params={"link": token})
    found = re.search('name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    form = {"link": token, "csrf_token": found[1]}
    assert browser.post("/auth/break-glass", data=form).status_code == 303
    browser.post("/auth/break-glass", data=form)
    site.browser().get("/auth/break-glass", params={"link": token})
    site.browser().get("/auth/break-glass", params={"link": token[:-4] + "AAAA"})


def sign_out(site: Site) -> None:
    """Sign out here, at the IdP, and by the IdP's own word."""
    browser = site.sign_in("vic")
    answer = browser.get("/auth/logout")
    assert answer.status_code in {200, 303}, answer.text
    told = site.sign_in("vic")
    token = site.idp.logout_token("vic")
    site.hoard.add("logout token", token)
    assert site.browser().post("/auth/backchannel-logout/oidc", data={"logout_token": token}).status_code == 200
    site.browser().post("/auth/backchannel-logout/oidc", data={"logout_token": token})
    told.get("/ui/auth/me")
