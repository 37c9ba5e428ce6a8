"""Attacks on the SAML service provider, on a real API server in both auth managers, from an IdP that really signs."""

from __future__ import annotations

import base64
import itertools
import re
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response
from lxml import etree
from starlette.testclient import TestClient

from airflow_oidc_auth.providers.saml.addresses import service_provider
from airflow_oidc_auth.providers.saml.bindings import REDIRECT
from airflow_oidc_auth.providers.saml.keys import load_signing_key
from airflow_oidc_auth.providers.saml.messages import Header, build_logout_request, send
from airflow_oidc_auth.providers.saml.session import SamlSession
from airflow_oidc_auth.providers.saml.times import write_instant
from airflow_oidc_auth.secret import Secret
from tests.contract.conformance.conftest import Party, assert_told
from tests.contract.conformance.row import ACCEPTED, Row
from tests.contract.conformance.saml_rows import DRIVEN, ELSEWHERE, FORGERIES, ROWS, STRANGER, WRAPPING, Forgery
from tests.contract.conformance.test_oidc_rp import assert_kept_out, assert_let_in, code_on, is_signed_in
from tests.contract.conftest import BASE_URL
from tests.unit.providers.saml.making import IDP, KeyPair, Parts, build, key_pair
from tests.unit.providers.saml.wrapping import EVIL, read_naively

OWN = service_provider(BASE_URL, "saml")
PATH = "/auth/saml/saml"


@dataclass
class SamlParty:
    """A server with a SAML provider, and its identity provider."""

    party: Party
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(int(time.time() * 1000)))

    def browser(self) -> TestClient:
        return self.party.browser()

    def begin(self, browser: TestClient) -> tuple[str, str]:
        """Begin a sign-in; return the ID of the request and the RelayState."""
        begun = browser.get("/auth/login/saml", params={"next": f"{BASE_URL}/dags"})
        query = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
        request = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"]), -15))
        return request.get("ID"), query["RelayState"]

    def respond(self, request_id: str | None, forgery: Forgery) -> bytes:
        """Return the identity provider's response."""
        now, number = int(time.time()), next(self.numbers)
        instants = {name: write_instant(now + each) for name, each in forgery.parts.items() if type(each) is int}
        signing = forgery.signing() if forgery.signing else None
        parts = replace(_honest(request_id, now, number), **{**forgery.parts, **instants})
        data = build(parts, forgery.signed, signing, forgery.tamper)
        return forgery.text(data) if forgery.text else data

    def deliver(self, browser: TestClient, response: bytes, relay_state: str) -> Response:
        """Post the form across sites, without cookies, and then what the page sends once more."""
        fields = {"SAMLResponse": base64.b64encode(response).decode(), "RelayState": relay_state}
        page = self.browser().post(f"{PATH}/acs", data=fields)
        if page.status_code != 200:
            return page
        sent = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text))
        assert unescape(sent["SAMLResponse"]) == fields["SAMLResponse"], "what the IdP sent is what is judged"
        return browser.post(f"{PATH}/finish", data={name: unescape(value) for name, value in sent.items()})

    def sign_in(self, browser: TestClient, forgery: Forgery | None = None) -> tuple[Response, bytes]:
        request_id, relay_state = self.begin(browser)
        response = self.respond(request_id, forgery or Forgery())
        return self.deliver(browser, response, relay_state), response

    def logout_request(self, name_id: str, keys: KeyPair | None, *, ago: int = 0, **header_fields: str) -> str:
        """Return the query of a LogoutRequest."""
        key = load_signing_key(Secret(keys.key), None) if keys else None
        header = Header(f"_out-{next(self.numbers)}", int(time.time()) - ago, OWN.slo_url, IDP)
        header = replace(header, **header_fields)
        text = build_logout_request(header, SamlSession(name_id))
        message: Any = send(text, binding=REDIRECT, url=f"{BASE_URL}{PATH}/slo", relay_state="x", key=key)
        return urlsplit(message.url).query


def _honest(request_id: str | None, now: int, number: int) -> Parts:
    moment, later = write_instant(now), write_instant(now + 300)
    return Parts(
        response_id=f"_response-{number}",
        assertion_id=f"_assertion-{number}",
        response_instant=moment,
        assertion_instant=moment,
        destination=OWN.acs_url,
        recipient=OWN.acs_url,
        audience=OWN.entity_id,
        response_in_response_to=request_id,
        confirmation_in_response_to=request_id,
        confirmation_not_on_or_after=later,
        not_before=moment,
        not_on_or_after=later,
        authn_instant=moment,
        session_not_on_or_after=write_instant(now + 3600),
        attributes={"groups": ("admins",), "mail": ("ada@example.com",), "displayName": ("Ada",)},
    )


@pytest.fixture
def saml(party: Party) -> SamlParty:
    return SamlParty(party)


@pytest.mark.parametrize("row", [row for row in ROWS if DRIVEN in str(row.tests)], ids=lambda row: row.name)
def test_a_response_is_judged_as_the_table_says(
    saml: SamlParty, row: Row, logins: Callable[[], int], audit_rows: Callable[..., list[dict]]
) -> None:
    browser, before = saml.browser(), logins()
    answer, delivered = saml.sign_in(browser, FORGERIES[row.name])
    if row in WRAPPING:
        assert EVIL in read_naively(etree.fromstring(delivered)), "the attack is delivered"
    if row.expected == ACCEPTED:
        assert_let_in(answer, browser)
        assert logins() == before + 1
        return
    assert_kept_out(answer, browser, row.expected)
    assert logins() == before
    event = "auth.login_refused" if row.expected == "idp_denied" else "auth.login_failed"
    assert_told(audit_rows, event, provider="saml", reason=row.expected)


def test_a_response_is_good_once(saml: SamlParty) -> None:
    browser = saml.browser()
    request_id, relay_state = saml.begin(browser)
    attempt = dict(browser.cookies)
    response = saml.respond(request_id, Forgery())
    assert saml.deliver(browser, response, relay_state).status_code == 303
    thief = saml.browser()
    for name, value in attempt.items():
        thief.cookies.set(name, value, domain="localhost.local", path="/auth/")
    assert_kept_out(saml.deliver(thief, response, relay_state), thief, "saml_replayed")


def test_a_response_that_another_browser_asked_for_opens_nothing_in_mine(saml: SamlParty) -> None:
    attacker, mine = saml.browser(), saml.browser()
    request_id, relay_state = saml.begin(attacker)
    _, own_relay_state = saml.begin(mine)
    response = saml.respond(request_id, Forgery())
    assert_kept_out(saml.deliver(mine, response, relay_state), mine, "attempt_unknown")
    assert_kept_out(saml.deliver(mine, response, own_relay_state), mine, "saml_in_response_to")
    assert saml.deliver(attacker, response, relay_state).status_code == 303, "the refusals have not used it up"


@pytest.mark.parametrize("relay_state", ["", f"{BASE_URL}/dags", "https://evil.example/"])
def test_a_response_that_nobody_asked_for_opens_nothing(saml: SamlParty, relay_state: str) -> None:
    browser = saml.browser()
    answer = saml.deliver(browser, saml.respond(None, Forgery()), relay_state)
    assert_kept_out(answer, browser, "saml_unsolicited")


@pytest.mark.parametrize(
    ("keys", "code"), [(None, "saml_unsigned"), ("evil", "saml_signature_invalid")], ids=["unsigned", "foreign"]
)
def test_a_logout_request_that_nobody_signed_ends_nothing(saml: SamlParty, keys: str | None, code: str) -> None:
    browser = saml.browser()
    _, response = saml.sign_in(browser)
    [name_id] = re.findall(rb"<saml:NameID[^>]*>([^<]*)<", response)
    query = saml.logout_request(name_id.decode(), key_pair(keys) if keys else None)
    page = saml.browser().get(f"{PATH}/slo?{query}")
    assert code_on(page) == code
    assert is_signed_in(browser)
    genuine = saml.logout_request(name_id.decode(), key_pair())
    assert saml.browser().get(f"{PATH}/slo?{genuine}").status_code in {200, 303}
    assert not is_signed_in(browser), "the same, signed by the identity provider, ends it"


def name_id_of(response: bytes) -> str:
    [name_id] = re.findall(rb"<saml:NameID[^>]*>([^<]*)<", response)
    return name_id.decode()


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"issuer": STRANGER}, "saml_response_issuer"),
        ({"destination": ELSEWHERE}, "saml_destination"),
        ({"ago": 3600}, "saml_issued_too_long_ago"),
        ({"ago": -3600}, "saml_issued_in_future"),
        # Made eight minutes ago: messages may be ten minutes old, this one was good for five.
        ({"ago": 500}, "saml_expired"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else each,
)
def test_a_logout_request_that_is_not_for_us_now_ends_nothing(saml: SamlParty, lie: dict[str, Any], code: str) -> None:
    browser = saml.browser()
    _, response = saml.sign_in(browser)
    page = saml.browser().get(f"{PATH}/slo?{saml.logout_request(name_id_of(response), key_pair(), **lie)}")
    assert code_on(page) == code
    assert is_signed_in(browser)


def test_a_logout_request_about_somebody_else_ends_nothing(saml: SamlParty) -> None:
    browser = saml.browser()
    assert saml.sign_in(browser)[0].status_code == 303
    query = saml.logout_request("somebody-else", key_pair())
    assert saml.browser().get(f"{PATH}/slo?{query}").status_code in {200, 303}
    assert is_signed_in(browser)


def test_a_logout_request_that_was_brought_before_ends_nothing(saml: SamlParty) -> None:
    browser = saml.browser()
    _, response = saml.sign_in(browser)
    query = saml.logout_request(name_id_of(response), key_pair())
    assert saml.browser().get(f"{PATH}/slo?{query}").status_code in {200, 303}
    assert not is_signed_in(browser)
    assert saml.sign_in(browser)[0].status_code == 303
    page = saml.browser().get(f"{PATH}/slo?{query}")
    assert code_on(page) == "saml_replayed"
    assert is_signed_in(browser)
