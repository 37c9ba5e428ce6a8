"""What RFC 9700 and its neighbours recommend, on a real API server in both auth managers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.conformance.conftest import Party, assert_told, host_of
from tests.contract.conformance.idp import assert_delivered
from tests.contract.conformance.rfc_rows import DRIVEN, ROWS
from tests.contract.conformance.row import Row
from tests.contract.conformance.test_oidc_rp import assert_kept_out, code_on, is_signed_in
from tests.contract.conftest import BASE_URL
from tests.contract.rechecks import recheck_now, session_id_of

EVIL = "evil.example"


@pytest.mark.parametrize("row", [row for row in ROWS if DRIVEN in str(row.tests)], ids=lambda row: row.name)
def test_an_authorization_response_is_judged_as_the_table_says(
    party: Party, row: Row, logins: Callable[[], int], audit_rows: Callable[..., list[dict]]
) -> None:
    browser, idp, before = party.browser(), party.idps["conform"], logins()
    honest = party.begin(browser)
    asked = parse_qs(urlsplit(honest).query)
    idp.misbehaviour = row.lie
    response = idp.sign_in(honest, "ada")
    answer = party.finish(browser, response)
    if row.lie.signature != "valid":
        assert_delivered(idp, row.lie)
    else:
        truth = {"iss": idp.issuer, "state": asked["state"][0]}
        assert any(response.get(name) != value for name, value in truth.items()) or response["code"] == "guessed"
    assert_kept_out(answer, browser, row.expected)
    assert logins() == before
    assert_told(audit_rows, "auth.login_failed", reason=row.expected)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": EVIL},
        {"x-forwarded-host": EVIL, "x-forwarded-proto": "https"},
        {"forwarded": f"host={EVIL};proto=https"},
        {"x-original-url": f"https://{EVIL}/auth/login", "x-forwarded-prefix": "//evil.example"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_moves_the_redirect_uri(party: Party, headers: dict[str, str]) -> None:
    begun = party.browser().get("/auth/login/conform", headers=headers)
    assert host_of(begun.headers["location"]) == party.idps["conform"].origin
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["redirect_uri"] == [f"{BASE_URL}/auth/callback/conform"]


@pytest.mark.parametrize(
    "target",
    [
        f"https://{EVIL}/",
        f"//{EVIL}/",
        f"///{EVIL}",
        f"/\\{EVIL}",
        f"\\\\{EVIL}",
        f"https:{EVIL}",
        f"{BASE_URL}@{EVIL}/",
        f"{BASE_URL}.{EVIL}/",
        f"http://localhost:8081/{EVIL}",
        "javascript:alert(1)",
        f"/\t/{EVIL}",
        f"%2f%2f{EVIL}",
    ],
)
def test_nobody_is_sent_to_another_site(party: Party, target: str) -> None:
    browser, before = party.browser(), len(party.idps["conform"].exchanges)
    answer = browser.get("/auth/login/conform", params={"next": target})
    assert_kept_out(answer, browser, "unsafe_next")
    assert len(party.idps["conform"].exchanges) == before


def test_the_answer_of_another_browser_signs_nobody_in(party: Party) -> None:
    attacker, victim = party.browser(), party.browser()
    party.begin(victim)
    response = party.idps["conform"].sign_in(party.begin(attacker), "ada")
    assert_kept_out(party.finish(victim, response), victim, "attempt_unknown")
    assert party.finish(attacker, response).status_code == 303, "it was a good one"


def test_a_code_of_another_sign_in_is_refused(party: Party) -> None:
    idp, attacker, victim = party.idps["conform"], party.browser(), party.browser()
    stolen = idp.sign_in(party.begin(attacker), "ada")["code"]
    mine = idp.sign_in(party.begin(victim), "vic")
    answer = party.finish(victim, {**mine, "code": stolen})
    request, refused = idp.last("/token")
    assert (request.form["code"], refused.status) == (stolen, 400)
    assert_kept_out(answer, victim, "code_refused")


def test_tokens_in_the_answer_are_not_looked_at(party: Party) -> None:
    idp, browser = party.idps["conform"], party.browser()
    assert party.sign_in(party.browser()).status_code == 303
    tokens = idp.told("/token")
    response = idp.sign_in(party.begin(browser), "ada")
    del response["code"]
    implicit = {**response, "id_token": tokens["id_token"]}
    both = party.finish(browser, {**implicit, "access_token": tokens["access_token"], "token_type": "Bearer"})
    assert (both.status_code, both.json()["error"]) == (401, "token_in_address")
    assert_kept_out(party.finish(browser, implicit), browser, "response_malformed")


def test_a_refresh_token_is_used_once(party: Party) -> None:
    idp, browser = party.idps["rotating"], party.browser()
    assert party.sign_in(browser, "rotating").status_code == 303
    session_id = session_id_of(party.server, browser)
    used = []
    for _ in range(2):
        recheck_now(party.server, session_id)
        used.append(idp.last("/token")[0].form["refresh_token"])
    assert len(set(used)) == 2
    assert idp.reused == ()
    assert is_signed_in(browser)


def test_no_password_is_taken(party: Party) -> None:
    form = {"grant_type": "password", "username": "ada", "password": "ada"}
    answer = party.server.client().post("/auth/token", data=form)
    assert (answer.status_code, answer.json()["error"], answer.json()["code"]) == (
        400,
        "invalid_grant",
        "token_password",
    )


def test_no_answer_to_a_code_tells_it_on(party: Party) -> None:
    browser = party.browser()
    response = party.idps["conform"].sign_in(party.begin(browser), "ada")
    for answer in (party.finish(browser, response), party.finish(party.browser(), response)):
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert response["code"] not in str(answer.headers) + answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_an_answer_at_another_providers_address_is_a_mix_up(party: Party) -> None:
    browser = party.browser()
    response = party.idps["conform"].sign_in(party.begin(browser, "conform"), "ada")
    before = len(party.idps["profile"].calls("/token"))
    assert_kept_out(party.finish(browser, response, "profile"), browser, "attempt_mixed_up")
    assert len(party.idps["profile"].calls("/token")) == before, "the code went to nobody else"


def test_no_form_is_sent_on(party: Party) -> None:
    browser = party.browser()
    begun = browser.get("/auth/login/conform")
    finished = party.finish(browser, party.idps["conform"].sign_in(begun.headers["location"], "ada"))
    assert [begun.status_code, finished.status_code] == [303, 303]


def test_our_pages_are_framed_by_nobody(party: Party) -> None:
    browser = party.browser()
    for path in ("/auth/signed-out", "/auth/callback/conform?state=x", "/auth/login/nobody"):
        assert "frame-ancestors 'none'" in browser.get(path).headers["content-security-policy"], path
    # Airflow shows this one in a frame of its own.
    assert browser.get("/auth/access").headers["content-security-policy"].endswith("frame-ancestors 'self'")


def test_every_sign_in_has_a_challenge_of_its_own(party: Party) -> None:
    idp, seen = party.idps["conform"], set()
    for _ in range(2):
        browser = party.browser()
        asked = parse_qs(urlsplit(url := party.begin(browser)).query)
        assert party.finish(browser, idp.sign_in(url, "ada")).status_code == 303
        verifier = idp.last("/token")[0].form["code_verifier"]
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        assert (asked["code_challenge"], asked["code_challenge_method"]) == ([digest], ["S256"])
        assert len(verifier) >= 43
        seen |= {verifier, asked["state"][0], asked["nonce"][0]}
    assert len(seen) == 6


def test_an_error_of_the_provider_is_a_page(party: Party) -> None:
    browser = party.browser()
    state = parse_qs(urlsplit(party.begin(browser)).query)["state"][0]
    answer = party.finish(browser, {"error": "access_denied", "state": state, "iss": party.idps["conform"].issuer})
    assert code_on(answer) == "idp_denied"
    assert not is_signed_in(browser)
