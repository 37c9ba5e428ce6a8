"""SAML through the browser: the response comes without cookies, the session is opened with them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response

from airflow_oidc_auth.login.journey import RunningProvider
from airflow_oidc_auth.providers.pool import ProviderPool
from airflow_oidc_auth.providers.saml.session import session_key
from tests.unit.login.rig import BASE_URL, LIFETIME
from tests.unit.login.saml_idp import CONTEXT, IDP_URL, SLO_URL, JsonSaml
from tests.unit.web.rig import LABELS, Browser, Client, open_browser, set_cookies

ACS, FINISH, SLO = "/auth/saml/corp/acs", "/auth/saml/corp/finish", "/auth/saml/corp/slo"


@dataclass
class Party:
    """A browser, and the IdP that it goes to."""

    browser: Browser
    idp: JsonSaml

    def begin(self, **params: str) -> dict[str, str]:
        """Begin a sign-in; return what reaches the IdP."""
        begun = self.browser.get("/auth/login/corp", params=params)
        if begun.status_code == 303:
            assert begun.headers["location"].startswith(f"{IDP_URL}?")
            return {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
        return form_of(begun, IDP_URL)

    def deliver(self, response: str, relay_state: str) -> Response:
        """Post across sites as a browser does: without any ``SameSite=Lax`` cookie; then send the page's form."""
        page = self.browser.another().post(ACS, data={"SAMLResponse": response, "RelayState": relay_state})
        assert page.status_code == 200, page.text
        assert "set-cookie" not in page.headers
        return self.browser.post(FINISH, data=form_of(page, f"{BASE_URL}{FINISH}"))

    def sign_in(self, next_url: str = "", **changes: object) -> Response:
        begun = self.begin(**({"next": next_url} if next_url else {}))
        return self.deliver(self.idp.answer(begun["SAMLRequest"], **changes), begun["RelayState"])

    def is_signed_in(self) -> bool:
        return self.browser.get("/auth/access").status_code == 200


@pytest.fixture
def party(monkeypatch: pytest.MonkeyPatch) -> Iterator[Party]:
    monkeypatch.setitem(LABELS, "corp", "Company SAML")
    with open_browser() as browser:
        idp = JsonSaml("corp", browser.rig.sessions.replay_cache())
        pool = ProviderPool("corp")
        browser.rig.providers["corp"] = RunningProvider(idp, pool)
        yield Party(browser, idp)
        pool.close()


def form_of(page: Response, action: str) -> dict[str, str]:
    """Return the fields of the page's form, whose script and target the page's policy must allow."""
    assert page.status_code == 200, page.text
    assert unescape(re.search(r'<form method="post" action="([^"]*)"', page.text)[1]) == action
    script = re.search(r"<script>(.*?)</script>", page.text)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert f"script-src 'sha256-{digest}';" in policy
    assert ("form-action 'self'" in policy) == action.startswith(BASE_URL)
    assert '<button class="button primary" type="submit">' in page.text
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
    return {unescape(name): unescape(value) for name, value in fields}


def refused(page: Response, code: str, status: int = 400) -> None:
    assert (page.status_code, code in page.text) == (status, True), page.text
    assert "_token@/data/" not in set_cookies(page)


@pytest.mark.parametrize("post_binding", [False, True])
def test_signs_in_and_keeps_the_deep_link(party: Party, post_binding: bool) -> None:
    party.idp.post_binding = post_binding
    answer = party.sign_in(f"{BASE_URL}/dags/sales?tab=runs")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE_URL}/dags/sales?tab=runs")
    assert party.is_signed_in()
    [record] = party.browser.rig.sink.records
    assert record.event.value == "auth.login"
    assert dict(record.detail)["authn_context"] == CONTEXT
    assert len(dict(record.detail)["assertion_id"]) == 64


def test_every_cookie_stays_lax(party: Party) -> None:
    begun = party.browser.get("/auth/login/corp")
    assert all("SameSite=lax" in header for header in set_cookies(begun).values())
    assert all("SameSite=lax" in header for header in set_cookies(party.sign_in()).values())


def test_the_response_without_the_attempts_cookie_opens_nothing(party: Party) -> None:
    begun = party.begin()
    fields = {"SAMLResponse": party.idp.answer(begun["SAMLRequest"]), "RelayState": begun["RelayState"]}
    party.idp.allow_idp_initiated = True
    refused(party.browser.another().post(FINISH, data=fields), "attempt_unknown")
    assert party.browser.post(FINISH, data=fields).status_code == 303, "and it is not used up by that"


def test_login_csrf_the_attackers_response_in_my_browser_is_refused(party: Party) -> None:
    attacker = Party(party.browser.another(), party.idp)
    theirs = attacker.begin()
    response = party.idp.answer(theirs["SAMLRequest"])
    mine = party.begin()
    refused(party.deliver(response, theirs["RelayState"]), "attempt_unknown")
    refused(party.deliver(response, mine["RelayState"]), "state_mismatch")
    party.idp.allow_idp_initiated = True
    refused(party.deliver(response, ""), "state_mismatch")
    assert not party.is_signed_in()


def test_a_response_is_good_once(party: Party) -> None:
    begun = party.begin()
    response = party.idp.answer(begun["SAMLRequest"])
    kept = dict(party.browser.client.cookies)
    assert party.deliver(response, begun["RelayState"]).status_code == 303
    thief = Party(party.browser.another(), party.idp)
    for name, value in kept.items():
        thief.browser.client.cookies.set(name, value, domain="airflow.example", path="/data/auth/")
    refused(thief.deliver(response, begun["RelayState"]), "code_refused")
    refused(party.deliver(response, begun["RelayState"]), "attempt_unknown")


def test_several_tabs_finish_in_any_order(party: Party) -> None:
    first = party.begin(next=f"{BASE_URL}/dags/first")
    second = party.begin(next=f"{BASE_URL}/dags/second")
    for begun, place in ((second, "second"), (first, "first")):
        answer = party.deliver(party.idp.answer(begun["SAMLRequest"]), begun["RelayState"])
        assert answer.headers["location"] == f"{BASE_URL}/dags/{place}"


def test_an_answer_at_another_providers_address_is_a_mix_up(party: Party) -> None:
    begun = party.browser.get("/auth/login/okta")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    refused(party.deliver(party.idp.answer(""), state), "attempt_mixed_up")


def test_an_oidc_provider_has_no_saml_addresses_and_the_other_way_round(party: Party) -> None:
    fields = {"SAMLResponse": "eA==", "RelayState": ""}
    for path in ("/auth/saml/okta/acs", "/auth/saml/okta/finish", "/auth/saml/nobody/acs"):
        refused(party.browser.post(path, data=fields), "provider_unknown", 404)
    refused(party.browser.get("/auth/saml/okta/metadata"), "provider_unknown", 404)
    refused(party.browser.get("/auth/saml/okta/slo", params={"SAMLRequest": "eA"}), "provider_unknown", 404)
    begun = party.begin()
    query = {"SAMLResponse": party.idp.answer(begun["SAMLRequest"]), "state": begun["RelayState"]}
    refused(party.browser.get("/auth/callback/corp", params=query), "provider_unknown", 404)


@pytest.mark.parametrize("path", [ACS, FINISH])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "response_malformed"),
        (b"RelayState=x", "response_malformed"),
        (b"SAMLResponse=%3Cscript%3E", "response_malformed"),
        (b"SAMLResponse=eA%3D%3D&SAMLResponse=eA%3D%3D", "duplicate_parameter"),
        (b"SAMLResponse=eA%3D%3D&RelayState=" + b"a" * 2001, "request_too_large"),
        (b"SAMLResponse=" + b"A" * 1_100_000, "request_too_large"),
        (b"SAMLResponse=eA%3D%3D&RelayState=%ff", "request_malformed"),
    ],
    ids=["empty", "no-response", "no-base64", "twice", "long-relay-state", "huge", "no-utf8"],
)
def test_says_what_is_wrong_with_a_form(party: Party, path: str, body: bytes, code: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    refused(party.browser.post(path, content=body, headers=headers), code)


def test_relay_state_is_escaped_on_the_page(party: Party) -> None:
    hostile = '"><script>alert(1)</script>'
    page = party.browser.post(ACS, data={"SAMLResponse": "eA==", "RelayState": hostile})
    assert form_of(page, f"{BASE_URL}{FINISH}")["RelayState"] == hostile
    assert "<script>alert" not in page.text


def test_only_what_counts_is_sent_on(party: Party) -> None:
    page = party.browser.post(ACS, data={"SAMLResponse": "eA==", "RelayState": "x", "csrf_token": "y"})
    assert set(form_of(page, f"{BASE_URL}{FINISH}")) == {"SAMLResponse", "RelayState"}


@pytest.mark.parametrize(
    ("relay_state", "place"),
    [
        ("", "/"),
        (f"{BASE_URL}/dags/sales", "/dags/sales"),
        ("/data/dags/sales", "/dags/sales"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("https://airflow.example/data.evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("some words of an administrator", "/"),
        (f"{BASE_URL}/auth/logout", "/"),
    ],
)
def test_a_sign_in_that_the_idp_begins_goes_nowhere_but_here(party: Party, relay_state: str, place: str) -> None:
    refused(party.deliver(party.idp.answer(""), relay_state), "state_mismatch")
    party.idp.allow_idp_initiated = True
    assert party.deliver(party.idp.answer(""), relay_state).headers["location"] == f"{BASE_URL}{place}"
    assert party.is_signed_in()


def test_a_person_without_a_rule_sees_why_and_the_audit_names_the_assertion(party: Party) -> None:
    page = party.sign_in(groups=["canteen"])
    refused(page, "no_matching_rule", 403)
    assert "canteen" in page.text
    [record] = party.browser.rig.sink.records
    assert record.event.value == "auth.login_refused"
    assert {"assertion_id", "authn_context"} <= dict(record.detail).keys()


def test_the_session_ends_when_the_idps_does_if_that_is_sooner(party: Party) -> None:
    now = int(party.browser.rig.clock())
    for ends, expected in ((now + 600, now + 600), (now + 10**6, now + LIFETIME)):
        party.sign_in(session_ends=ends)
        [session] = party.browser.rig.store.list_sessions(now=now)
        assert abs(session.expires_at - expected) <= 2
        party.browser.rig.store.end(session.id, reason="test", now=now)


def test_metadata_is_served_to_everybody(party: Party) -> None:
    page = party.browser.another().get("/auth/saml/corp/metadata")
    assert (page.status_code, page.content) == (200, b"<EntityDescriptor/>")
    assert page.headers["content-type"] == "application/samlmetadata+xml"


@pytest.mark.parametrize("post_binding", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signing_out_goes_on_to_the_idp_and_back(party: Party, post_binding: bool, method: str) -> None:
    party.sign_in()
    party.idp.post_binding = post_binding
    token = ""
    if method == "POST":
        token = re.search(r'name="csrf_token" value="([^"]*)"', party.browser.get("/auth/access").text)[1]
    answer = party.browser.request(method, "/auth/logout", data={"csrf_token": token} if token else None)
    assert not party.is_signed_in()
    if post_binding:
        asked = form_of(answer, SLO_URL)
    else:
        address = answer.headers["refresh"].removeprefix("0; url=")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert len(asked["RelayState"]) <= 80
    response = {"SAMLResponse": party.idp.logout_answer(asked["SAMLRequest"]), "RelayState": asked["RelayState"]}
    back = party.browser.get(SLO, params=response)
    assert (back.status_code, back.headers["location"]) == (303, f"{BASE_URL}/auth/signed-out")
    assert len(party.idp.logout_answers) == 1


def test_an_answer_to_no_request_of_ours_changes_nothing(party: Party) -> None:
    party.sign_in()
    request = base64.b64encode(b'{"id": "_guessed"}').decode()
    forged = {"SAMLResponse": party.idp.logout_answer(request), "RelayState": "guessed"}
    assert party.browser.get(SLO, params=forged).status_code == 303
    assert party.idp.logout_answers == []
    assert party.is_signed_in()
    assert "still signed in" in party.browser.get("/auth/signed-out").text


@pytest.mark.parametrize("trouble", ["hangs_up", "no_logout"])
def test_an_idp_that_fails_never_keeps_the_session_alive(party: Party, trouble: str) -> None:
    party.sign_in()
    party.idp.hangs_up, party.idp.has_logout = trouble == "hangs_up", trouble != "no_logout"
    answer = party.browser.get("/auth/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE_URL}/auth/signed-out")
    assert not party.is_signed_in()


def sessions_of(party: Party) -> set[str]:
    now = int(party.browser.rig.clock())
    return {str(session.idp_sid) for session in party.browser.rig.store.list_sessions(now=now)}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("indexes", "left"), [((), ["bob s1"]), (("s1",), ["ada s2", "bob s1"]), (("s3",), None)])
def test_the_idp_ends_the_sessions_that_it_names_without_any_cookie(
    party: Party, method: str, indexes: tuple[str, ...], left: list[str] | None
) -> None:
    for subject, index in (("ada", "s1"), ("ada", "s2"), ("bob", "s1")):
        Party(party.browser.another(), party.idp).sign_in(sub=subject, index=index)
    everybody = ["ada s1", "ada s2", "bob s1"]
    request = {"SAMLRequest": party.idp.logout_request("ada", *indexes)}
    options = {"params": request} if method == "GET" else {"data": request}
    answer = party.browser.another().request(method, SLO, **options)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{SLO_URL}?SAMLResponse=done")
    assert sessions_of(party) == {session_key(*name.split()) for name in (everybody if left is None else left)}
    ended = [record for record in party.browser.rig.sink.records if record.event.value == "auth.session_ended"]
    assert len(ended) == 3 - len(sessions_of(party))
    assert {record.reason for record in ended} <= {"idp_logout"}


def test_a_forged_logout_request_ends_nothing(party: Party) -> None:
    party.sign_in()
    forged = {"SAMLRequest": party.idp.logout_request("ada", forged=True)}
    refused(party.browser.get(SLO, params=forged), "response_malformed")
    refused(party.browser.get(SLO), "response_malformed")
    assert party.is_signed_in()


def test_says_so_when_the_sessions_could_not_be_ended(party: Party) -> None:
    party.sign_in()
    party.browser.rig.store.down = True
    request = {"SAMLRequest": party.idp.logout_request("ada")}
    page = party.browser.another().get(SLO, params=request)
    assert form_of(page, SLO_URL) == {"SAMLResponse": "failed"}


def test_the_browser_of_an_ended_session_forgets_it(party: Party) -> None:
    party.sign_in()
    answer = party.browser.get(SLO, params={"SAMLRequest": party.idp.logout_request("ada")})
    assert "Max-Age=0" in set_cookies(answer)["_token@/data/"]


def test_the_messages_in_a_query_are_for_no_access_log(party: Party) -> None:
    seen: list[bytes] = []

    async def logging_server(scope, receive, send):
        async def watch(message):
            seen.append(scope["query_string"])
            await send(message)

        await party.browser.app(scope, receive, watch)

    Client(logging_server).request("GET", f"{BASE_URL}{SLO}", params={"SAMLRequest": party.idp.logout_request("ada")})
    assert seen
    assert set(seen) == {b""}


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_session_that_is_over_at_the_idp_is_not_opened_here(party: Party, seconds: int) -> None:
    refused(party.sign_in(session_ends=int(party.browser.rig.clock()) + seconds), "saml_session_expired")
    assert not party.is_signed_in()
