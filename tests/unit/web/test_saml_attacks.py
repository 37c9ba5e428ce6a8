"""Attacks on the SAML routes, with the real provider and an identity provider that really signs."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from httpx import Response
from lxml import etree

from airflow_oidc_auth.login.journey import RunningProvider
from airflow_oidc_auth.providers.pool import ProviderPool
from airflow_oidc_auth.providers.saml.addresses import ServiceProvider, service_provider
from airflow_oidc_auth.providers.saml.bindings import POST, REDIRECT, Post, Redirect
from airflow_oidc_auth.providers.saml.keys import SigningKey, load_signing_key
from airflow_oidc_auth.providers.saml.messages import Header, build_logout_request, build_logout_response, send
from airflow_oidc_auth.providers.saml.provider import SamlProvider
from airflow_oidc_auth.providers.saml.session import SamlSession, session_key
from airflow_oidc_auth.providers.saml.times import write_instant
from airflow_oidc_auth.secret import Secret
from tests.unit.login.rig import BASE_URL
from tests.unit.providers.saml.making import (
    IDP,
    FixedTransport,
    KeyPair,
    Parts,
    Signing,
    build,
    idp_metadata,
    key_pair,
    make_settings,
)
from tests.unit.web.rig import LABELS, Browser, open_browser, set_cookies
from tests.unit.web.test_saml import form_of, refused


@dataclass
class RealParty:
    """A browser, a SAML provider as it runs in production, and its identity provider.

    :param keys: with which the identity provider signs
    """

    browser: Browser
    keys: KeyPair
    issuer: str = IDP
    name: str = "corp"
    ids: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))

    @property
    def own(self) -> ServiceProvider:
        return service_provider(BASE_URL, self.name)

    def path(self, page: str) -> str:
        return f"/auth/saml/{self.name}/{page}"

    def in_another_browser(self) -> RealParty:
        return replace(self, browser=self.browser.another())

    def begin(self) -> tuple[str, str]:
        """Begin a sign-in; return the ID of the request and the RelayState."""
        begun = self.browser.get(f"/auth/login/{self.name}")
        query = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
        request = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"]), -15))
        return request.get("ID"), query["RelayState"]

    def respond(self, request_id: str | None, **changes: object) -> str:
        """Return the identity provider's response to a request, in base64."""
        now = int(self.browser.rig.clock())
        moment, later = write_instant(now), write_instant(now + 300)
        number = next(self.ids)
        parts = Parts(
            response_id=f"_response-{number}",
            assertion_id=f"_assertion-{number}",
            response_issuer=self.issuer,
            assertion_issuer=self.issuer,
            response_instant=moment,
            assertion_instant=moment,
            destination=self.own.acs_url,
            recipient=self.own.acs_url,
            audience=self.own.entity_id,
            response_in_response_to=request_id,
            confirmation_in_response_to=request_id,
            confirmation_not_on_or_after=later,
            not_before=moment,
            not_on_or_after=later,
            authn_instant=moment,
            session_not_on_or_after=write_instant(now + 3600),
        )
        signing = Signing(keys=self.keys)
        return base64.b64encode(build(parts, "assertion", signing, **changes)).decode()

    def deliver(self, response: str, relay_state: str) -> Response:
        page = self.browser.post(self.path("acs"), data={"SAMLResponse": response, "RelayState": relay_state})
        return self.browser.post(self.path("finish"), data=form_of(page, f"{BASE_URL}{self.path('finish')}"))

    def sign_in(self, **changes: object) -> Response:
        request_id, relay_state = self.begin()
        return self.deliver(self.respond(request_id, **changes), relay_state)

    def is_signed_in(self) -> bool:
        return self.browser.get("/auth/access").status_code == 200

    def key(self, keys: KeyPair | None = None) -> SigningKey:
        found = load_signing_key(Secret((keys or self.keys).key), None)
        assert found is not None
        return found

    def logout_request(
        self, name_id: str, key: SigningKey | None, binding: str = REDIRECT, **changes: Any
    ) -> Redirect | Post:
        """Return a LogoutRequest as the browser brings it."""
        number = next(self.ids)
        header = Header(f"_out-{number}", self.browser.rig.clock(), self.own.slo_url, self.issuer)
        text = build_logout_request(replace(header, **changes), SamlSession(name_id))
        return send(text, binding=binding, url=f"{BASE_URL}{self.path('slo')}", relay_state="x", key=key)

    def bring(self, message: Redirect | Post) -> Response:
        """Bring a logout message to the address of this provider."""
        if isinstance(message, Post):
            return self.browser.post(self.path("slo"), data=dict(message.fields))
        return self.browser.get(f"{self.path('slo')}?{urlsplit(message.url).query}")


def add_provider(browser: Browser, name: str, issuer: str, keys: KeyPair, **saml: object) -> RealParty:
    own_key = key_pair("sp")
    settings = replace(
        make_settings(issuer=issuer, signing_key=Secret(own_key.key), certificate=own_key.certificate, **saml), id=name
    )
    transport = FixedTransport(idp_metadata(keys, entity_id=issuer))
    own = service_provider(BASE_URL, name)
    replay = browser.rig.sessions.replay_cache()
    provider = SamlProvider(settings, own, transport, replay=replay, clock=browser.rig.clock)
    browser.rig.providers[name] = RunningProvider(provider, ProviderPool(name))
    return RealParty(browser, keys, issuer, name)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    for name in ("corp", "portal", "other"):
        monkeypatch.setitem(LABELS, name, name)
    with open_browser() as browser:
        yield browser
        for name in {"corp", "portal", "other"} & browser.rig.providers.keys():
            browser.rig.providers[name].pool.close()


@pytest.fixture
def party(browser: Browser) -> RealParty:
    return add_provider(browser, "corp", IDP, key_pair())


@pytest.fixture
def portal(browser: Browser) -> RealParty:
    return add_provider(browser, "portal", IDP, key_pair(), allow_idp_initiated=True)


@pytest.fixture
def other(browser: Browser) -> RealParty:
    return add_provider(browser, "other", "https://other.example/saml", key_pair("other"))


def test_the_honest_way_works(party: RealParty) -> None:
    assert party.sign_in().status_code == 303
    assert party.is_signed_in()


def test_login_csrf_with_a_response_that_another_browser_asked_for(party: RealParty) -> None:
    attacker = party.in_another_browser()
    request_id, relay_state = attacker.begin()
    _, mine = party.begin()
    response = attacker.respond(request_id)
    refused(party.deliver(response, relay_state), "attempt_unknown")
    refused(party.deliver(response, mine), "saml_in_response_to")
    refused(party.deliver(response, ""), "saml_unsolicited")
    assert attacker.deliver(response, relay_state).status_code == 303, "the refusals have not used it up"


def test_a_response_that_was_asked_for_is_no_unsolicited_one(portal: RealParty) -> None:
    request_id, _ = portal.in_another_browser().begin()
    refused(portal.deliver(portal.respond(request_id), ""), "saml_in_response_to")
    refused(portal.deliver(portal.respond(request_id, response_in_response_to=None), "x"), "saml_in_response_to")


def test_a_response_to_one_request_answers_no_other_of_the_same_browser(party: RealParty) -> None:
    first, _ = party.begin()
    _, second = party.begin()
    refused(party.deliver(party.respond(first), second), "saml_in_response_to")


def test_an_attempt_with_one_provider_is_not_finished_by_another(party: RealParty, other: RealParty) -> None:
    request_id, relay_state = party.begin()
    refused(other.deliver(other.respond(request_id), relay_state), "attempt_mixed_up")
    request_id, relay_state = party.begin()
    refused(other.deliver(party.respond(request_id), relay_state), "attempt_mixed_up")


def test_the_response_of_one_identity_provider_is_none_of_the_other(party: RealParty, other: RealParty) -> None:
    request_id, relay_state = other.begin()
    as_other = {"response_issuer": other.issuer, "assertion_issuer": other.issuer}
    addressed = {"destination": other.own.acs_url, "recipient": other.own.acs_url, "audience": other.own.entity_id}
    forged = party.respond(request_id, **as_other, **addressed)
    refused(other.deliver(forged, relay_state), "saml_signature_key_unknown")


def test_a_saml_attempt_is_not_finished_as_oidc_nor_the_other_way_round(party: RealParty) -> None:
    request_id, relay_state = party.begin()
    answer = party.browser.get("/auth/callback/corp", params={"state": relay_state, "code": "x"})
    refused(answer, "provider_unknown", 404)
    begun = party.browser.get("/auth/login/okta")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    refused(party.deliver(party.respond(request_id), state), "attempt_mixed_up")


def test_a_response_is_good_once(party: RealParty) -> None:
    request_id, relay_state = party.begin()
    response = party.respond(request_id)
    attempt = dict(party.browser.client.cookies)
    assert party.deliver(response, relay_state).status_code == 303
    for name, value in attempt.items():
        party.browser.client.cookies.set(name, value, domain="airflow.example", path="/data/auth/")
    refused(party.deliver(response, relay_state), "saml_replayed")


def test_relay_state_and_response_stay_text_on_the_page(party: RealParty) -> None:
    for hostile in (
        '"><script>alert(1)</script>',
        "'-alert(1)-'",
        "</form><form action=https://evil.example>",
        "&quot;",
    ):
        page = party.browser.post(party.path("acs"), data={"SAMLResponse": "eA==", "RelayState": hostile})
        assert form_of(page, f"{BASE_URL}{party.path('finish')}")["RelayState"] == hostile
        assert hostile not in page.text or hostile == "'-alert(1)-'"
        assert page.text.count("<script") == page.text.count("<form") == 1
        refused(party.browser.post(party.path("acs"), data={"SAMLResponse": hostile}), "response_malformed")
    page = party.browser.post("/auth/saml/%3Cscript%3Ealert(1)%3C%2Fscript%3E/acs", data={"SAMLResponse": "eA=="})
    assert page.status_code == 404
    assert "<script>" not in page.text


@pytest.mark.parametrize("page", ["acs", "finish"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_responses_come_by_post_only(party: RealParty, page: str, method: str) -> None:
    request_id, relay_state = party.begin()
    query = {"SAMLResponse": party.respond(request_id), "RelayState": relay_state}
    answer = party.browser.request(method, party.path(page), params=query)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert not party.is_signed_in()


@pytest.mark.parametrize("page", ["acs", "finish", "slo"])
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "multipart/form-data; boundary=x", "application/xml", None]
)
def test_a_body_that_is_no_form_is_refused(party: RealParty, page: str, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    body = f"SAMLResponse={quote(party.respond(None))}".encode()
    refused(party.browser.post(party.path(page), content=body, headers=headers), "request_malformed")


def test_a_query_beside_the_form_is_not_read(party: RealParty) -> None:
    request_id, relay_state = party.begin()
    query = {"SAMLResponse": party.respond(request_id), "RelayState": relay_state}
    refused(party.browser.post(party.path("finish"), params=query, data={"x": "y"}), "response_malformed")


def sign_in_everybody(party: RealParty) -> dict[str, RealParty]:
    people = {name: party.in_another_browser() for name in ("ada", "bob")}
    for name, each in people.items():
        assert each.sign_in(name_id=name).status_code == 303
    return people


@pytest.mark.parametrize("binding", [REDIRECT, POST])
def test_a_signed_logout_request_ends_the_sessions_of_its_person_only(party: RealParty, binding: str) -> None:
    people = sign_in_everybody(party)
    # Brought by the browser of the other person: whose browser it is does not matter.
    answer = people["ada"].bring(party.logout_request("bob", party.key(), binding))
    assert answer.status_code in (200, 303)
    assert "_token@/data/" not in set_cookies(answer)
    assert people["ada"].is_signed_in()
    assert not people["bob"].is_signed_in()


@pytest.mark.parametrize("binding", [REDIRECT, POST])
def test_a_logout_request_that_the_identity_provider_did_not_make_ends_nothing(
    party: RealParty, other: RealParty, binding: str
) -> None:
    people = sign_in_everybody(party)
    now, foreign = party.browser.rig.clock(), "https://x.example"

    def ask(key: SigningKey | None, by: RealParty = party, **changes: object) -> Redirect | Post:
        return by.logout_request("ada", key, binding, **changes)

    attacks = {
        "unsigned": ("saml_unsigned", ask(None)),
        "foreign key": ("saml_signature", ask(party.key(key_pair("evil")))),
        "other provider": ("saml_signature", ask(other.key(), other, destination=party.own.slo_url)),
        "other address": ("saml_destination", ask(party.key(), destination=foreign)),
        "other issuer": ("saml_response_issuer", ask(party.key(), issuer=foreign)),
        "yesterday": ("saml_issued_too_long_ago", ask(party.key(), issued_at=now - 86400)),
        "tomorrow": ("saml_issued_in_future", ask(party.key(), issued_at=now + 86400)),
    }
    for name, (code, message) in attacks.items():
        answer = party.in_another_browser().bring(message)
        assert (answer.status_code, code in answer.text) == (400, True), (name, answer.text)
        assert people["ada"].is_signed_in(), name


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query.replace("RelayState=x", "RelayState=y"),
        lambda query: query.replace("RelayState=x&", ""),
        lambda query: f"{query}&SAMLRequest=eA%3D%3D",
        lambda query: f"{query}&SAML%52equest=eA%3D%3D",
        lambda query: f"{query}&SAMLResponse=eA%3D%3D",
        lambda query: query.partition("&SigAlg")[0],
        lambda query: query.replace("rsa-sha256", "rsa-sha1"),
        lambda query: query.replace("Signature=", "Signature=AAAA"),
    ],
    ids=[
        "relay-state",
        "no-relay-state",
        "twice",
        "twice-spelt",
        "both",
        "no-signature",
        "sha1",
        "garbled",
    ],
)
def test_a_signed_query_is_believed_as_it_was_signed_or_not_at_all(party: RealParty, change) -> None:
    people = sign_in_everybody(party)
    address, _, query = party.logout_request("ada", party.key()).url.partition("?")
    assert change(query) != query
    assert party.browser.another().get(f"{address}?{change(query)}").status_code == 400
    assert people["ada"].is_signed_in()


@pytest.mark.parametrize("binding", [REDIRECT, POST])
def test_a_logout_request_is_good_once(party: RealParty, binding: str) -> None:
    request = party.logout_request("ada", party.key(), binding)
    victim = party.in_another_browser()
    assert victim.sign_in(name_id="ada").status_code == 303
    party.bring(request)
    assert not victim.is_signed_in()
    assert victim.sign_in(name_id="ada").status_code == 303
    refused(party.in_another_browser().bring(request), "saml_replayed")
    assert victim.is_signed_in()


def test_a_logout_request_ends_no_session_of_another_provider(party: RealParty, other: RealParty) -> None:
    elsewhere = other.in_another_browser()
    assert elsewhere.sign_in(name_id="ada").status_code == 303
    oidc = party.browser.another()
    assert oidc.sign_in("ada").status_code == 303
    party.bring(party.logout_request("ada", party.key()))
    assert elsewhere.is_signed_in()
    assert oidc.get("/auth/access").status_code == 200


def test_signing_out_of_an_oidc_session_asks_no_saml_provider(party: RealParty) -> None:
    assert party.browser.sign_in("ada").status_code == 303
    answer = party.browser.get("/auth/logout")
    assert "SAMLRequest" not in answer.headers["refresh"]
    assert not party.is_signed_in()


def test_signing_out_names_the_person_of_this_session_and_is_signed(party: RealParty) -> None:
    assert party.sign_in(name_id="ada").status_code == 303
    address = party.browser.get("/auth/logout").headers["refresh"].removeprefix("0; url=")
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    request = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"]), -15))
    assert request.findtext("{*}NameID") == "ada"
    assert query["Signature"]
    assert not party.is_signed_in()


def logout_response(party: RealParty, request_id: str, relay_state: str, key: SigningKey | None) -> Response:
    header = Header("_answer", party.browser.rig.clock(), party.own.slo_url, party.issuer)
    text = build_logout_response(header, request_id, success=True)
    url = f"{BASE_URL}{party.path('slo')}"
    sent = send(text, binding=REDIRECT, url=url, relay_state=relay_state, key=key, parameter="SAMLResponse")
    return party.bring(sent)


@pytest.mark.parametrize("forged", [True, False])
def test_an_answer_to_no_request_signs_nobody_out(
    party: RealParty, caplog: pytest.LogCaptureFixture, forged: bool
) -> None:
    party.sign_in()
    key = None if forged else party.key()
    assert logout_response(party, "_guessed", "guessed", key).headers["location"] == f"{BASE_URL}/auth/signed-out"
    assert f"logout answer refused: code={'saml_unsigned' if forged else 'saml_in_response_to'}" in caplog.text
    assert party.is_signed_in()
    assert "still signed in" in party.browser.get("/auth/signed-out").text


def test_the_keys_of_sessions_are_no_names(party: RealParty) -> None:
    party.sign_in(name_id="ada")
    [session] = party.browser.rig.store.list_sessions(now=int(party.browser.rig.clock()))
    assert session.idp_sid == session_key("ada", "_session-1")
    assert "ada" not in str(session.idp_sid)


def test_who_signed_in_too_weakly_is_asked_again_and_not_sent_in_circles(browser: Browser) -> None:
    party = add_provider(browser, "corp", IDP, key_pair(), authn_contexts=("https://refeds.org/profile/mfa",))
    page = party.sign_in()
    refused(page, "saml_authn_context", 403)
    assert "/auth/login/corp?account=other" in page.text
    again = party.browser.get("/auth/login/corp", params={"account": "other"}).headers["location"]
    request = zlib.decompress(base64.b64decode(parse_qs(urlsplit(again).query)["SAMLRequest"][0]), -15)
    assert b'ForceAuthn="true"' in request
