"""The IdP ends sessions: by a logout token of its server, by a frame in the browser; and nobody else does."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from httpx import Response

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from tests.unit.web.rig import Browser

FORM = {"content-type": "application/x-www-form-urlencoded"}
ADDRESS = "/auth/backchannel-logout/okta"


def announce(browser: Browser, token: str, address: str = ADDRESS) -> Response:
    """Be the IdP's server: no cookie, no origin."""
    return browser.another().post(address, content=urlencode({"logout_token": token}), headers=FORM)


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/auth/access").status_code == 200


def sid_of(browser: Browser, user: str = "ada") -> str:
    return browser.rig.idp.sids(user)[-1]


def in_frame(browser: Browser, provider: str = "okta", **query: str) -> Response:
    """Be the IdP's page with our frame in it: cross-site, so that the browser sends no cookie."""
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}
    return browser.another().get(f"/auth/frontchannel-logout/{provider}", params=query, headers=headers)


def test_a_logout_token_with_a_session_id_ends_that_session_only(browser: Browser) -> None:
    browser.sign_in()
    sid = sid_of(browser)
    elsewhere = browser.another()
    elsewhere.sign_in()
    answer = announce(browser, browser.rig.idp.logout_token("ada", sid=sid))
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert not is_signed_in(browser)
    assert is_signed_in(elsewhere)
    assert browser.rig.sink.events() == ["auth.login", "auth.login", "auth.session_ended"]
    record = browser.rig.sink.records[-1]
    assert (record.reason, record.owner, record.provider) == ("backchannel_logout", "Ada Admin", "okta")
    assert record.client_address == "198.51.100.7"
    assert sid not in str(record)


def test_a_logout_token_about_a_person_ends_all_their_sessions_and_nobody_elses(browser: Browser) -> None:
    browser.sign_in()
    elsewhere, victor = browser.another(), browser.another()
    elsewhere.sign_in()
    victor.sign_in("victor")
    assert announce(browser, browser.rig.idp.logout_token("ada")).status_code == 200
    assert [is_signed_in(each) for each in (browser, elsewhere, victor)] == [False, False, True]


def test_a_session_whose_sid_was_never_told_ends_with_its_person(browser: Browser) -> None:
    browser.rig.idp.misbehaviour = Misbehaviour(omit_id_token_claims=("sid",))
    browser.sign_in()
    assert announce(browser, browser.rig.idp.logout_token("ada", sid="told-to-others")).status_code == 200
    assert not is_signed_in(browser)


def test_a_logout_of_somebody_who_is_not_here_is_done(browser: Browser) -> None:
    assert announce(browser, browser.rig.idp.logout_token("victor", sid="unknown")).status_code == 200
    assert browser.rig.sink.events() == []


def test_a_session_id_of_one_person_beside_the_name_of_another_ends_nothing(browser: Browser) -> None:
    browser.sign_in()
    assert announce(browser, browser.rig.idp.logout_token("victor", sid=sid_of(browser))).status_code == 200
    assert is_signed_in(browser)


def test_the_beginning_of_a_session_id_ends_nothing(browser: Browser) -> None:
    browser.sign_in()
    token = browser.rig.idp.logout_token("ada", sid=sid_of(browser)[:-1], with_sub=False)
    assert announce(browser, token).status_code == 200
    assert is_signed_in(browser)


FORGED = {
    "logout_token_signature": Misbehaviour(signature="broken"),
    "logout_token_algorithm": Misbehaviour(signature="none"),
    "logout_token_key_unknown": Misbehaviour(signature="unknown_kid"),
    "logout_token_issuer": Misbehaviour(logout_token_claims={"iss": "https://attacker.example"}),
    "logout_token_audience": Misbehaviour(logout_token_claims={"aud": "another-client"}),
    "logout_token_expired": Misbehaviour(logout_token_offsets={"exp": -3600, "iat": -3700}),
    "logout_token_not_yet_valid": Misbehaviour(logout_token_offsets={"iat": 3600}),
    "logout_token_events": Misbehaviour(logout_token_claims={"events": None}),
    "logout_token_nonce": Misbehaviour(logout_token_claims={"nonce": "of-an-id-token"}),
    "logout_token_claim": Misbehaviour(logout_token_claims={"jti": None}),
    "logout_token_type": Misbehaviour(logout_token_header={"typ": "at+jwt"}),
}


@pytest.mark.parametrize("code", FORGED)
def test_a_forged_or_misaddressed_logout_token_ends_nothing_and_says_why(browser: Browser, code: str) -> None:
    browser.sign_in()
    browser.rig.idp.misbehaviour = FORGED[code]
    answer = announce(browser, browser.rig.idp.logout_token("ada"))
    assert answer.status_code == 400
    told = answer.json()
    assert (told["error"], told["code"]) == ("invalid_request", code)
    assert told["correlation_id"]
    assert answer.headers["cache-control"] == "no-store"
    assert is_signed_in(browser)
    record = browser.rig.sink.records[-1]
    assert (record.event.value, record.reason, record.correlation_id) == (
        "auth.token_refused",
        code,
        told["correlation_id"],
    )


def test_a_logout_token_about_nobody_is_refused(browser: Browser) -> None:
    answer = announce(browser, browser.rig.idp.logout_token("ada", with_sub=False))
    assert answer.json()["code"] == "logout_token_about_nobody"


def test_an_id_token_is_no_logout_token(browser: Browser) -> None:
    browser.sign_in()
    begun = browser.another().get("/auth/login/okta")
    seen: list[str] = []
    browser.rig.idp.misbehaviour = Misbehaviour()
    browser.another().get("/auth/callback/okta", params=browser.answer_of_idp(begun))
    ended = browser.rig.store.end(browser.rig.store.list_sessions(now=0)[0].id, reason="x", now=1)
    assert ended is not None
    assert ended.id_token is not None
    seen.append(ended.id_token.reveal())
    answer = announce(browser, seen[0])
    assert answer.status_code == 400
    assert answer.json()["code"] in {"logout_token_events", "logout_token_type"}
    assert is_signed_in(browser)


def test_a_replayed_logout_token_does_not_end_the_next_session(browser: Browser) -> None:
    browser.sign_in()
    token = browser.rig.idp.logout_token("ada")
    assert announce(browser, token).status_code == 200
    browser.sign_in()
    again = announce(browser, token)
    assert (again.status_code, again.json()["code"]) == (400, "logout_token_replayed")
    assert is_signed_in(browser)


def test_an_outage_of_the_store_does_not_use_the_token_up(browser: Browser) -> None:
    browser.sign_in()
    token = browser.rig.idp.logout_token("ada")
    browser.rig.store.down = True
    down = announce(browser, token)
    assert (down.status_code, down.json()["error"]) == (400, "temporarily_unavailable")
    browser.rig.store.down = False
    assert announce(browser, token).status_code == 200
    assert not is_signed_in(browser)


def test_an_outage_while_sessions_end_does_not_use_the_token_up(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity provider tries again, with the same token: refused as used, it would leave the session alive."""
    browser.sign_in()
    token = browser.rig.idp.logout_token("ada")

    def fail(*_: object, **__: object) -> None:
        raise SessionError("session_store_unavailable", "the database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(browser.rig.store, "end_many", fail)
        assert announce(browser, token).json()["error"] == "temporarily_unavailable"
    assert announce(browser, token).status_code == 200
    assert not is_signed_in(browser)
    assert announce(browser, token).json()["code"] == "logout_token_replayed"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "logout_token_malformed"),
        ("logout_token=", "logout_token_malformed"),
        ("logout_token=x", "logout_token_malformed"),
        ("logout_token=a.b.c", "logout_token_malformed"),
        ('{"logout_token": "a.b.c"}', "logout_token_malformed"),
        ("logout_token=a&logout_token=b", "duplicate_parameter"),
        ("logout_token=" + "a" * 30_000, "request_too_large"),
        ("logout_token=" + "a" * 17_000, "logout_token_malformed"),
        ("logout_token=\xff", "request_malformed"),
    ],
)
def test_what_is_no_logout_token_is_refused_without_asking_anybody(browser: Browser, content: str, code: str) -> None:
    browser.rig.idp.requests.clear()
    answer = browser.another().post(ADDRESS, content=content.encode("latin-1"), headers=FORM)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert browser.rig.idp.requests == []


def test_the_address_of_an_unknown_provider_takes_nothing(browser: Browser) -> None:
    answer = announce(browser, browser.rig.idp.logout_token("ada"), "/auth/backchannel-logout/nobody")
    assert (answer.status_code, answer.json()["code"]) == (400, "provider_unknown")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_other_methods_end_nothing(browser: Browser, method: str) -> None:
    answer = browser.request(method, ADDRESS, params={"logout_token": browser.rig.idp.logout_token("ada")})
    assert answer.status_code == 405


def test_a_browsers_cookie_says_nothing_here(browser: Browser) -> None:
    """Cross-site forms carry no weight: what counts is the signature."""
    browser.sign_in()
    headers = {**FORM, "origin": "https://attacker.example", "sec-fetch-site": "cross-site"}
    assert browser.post(ADDRESS, content="logout_token=x", headers=headers).status_code == 400
    assert is_signed_in(browser)


def test_a_frame_of_the_idp_ends_the_session_that_it_names_without_a_cookie(browser: Browser) -> None:
    browser.sign_in()
    elsewhere = browser.another()
    elsewhere.sign_in()
    sid = browser.rig.idp.sids("ada")[0]
    answer = in_frame(browser, iss=browser.rig.idp.issuer, sid=sid)
    assert (answer.status_code, answer.content) == (200, b"")
    assert not is_signed_in(browser)
    assert is_signed_in(elsewhere)
    assert browser.rig.sink.records[-1].reason == "frontchannel_logout"


def test_only_the_idp_may_frame_that_page_and_nobody_keeps_it(browser: Browser) -> None:
    answer = in_frame(browser, iss=browser.rig.idp.issuer, sid="unknown")
    assert answer.headers["content-security-policy"].endswith(f"frame-ancestors {browser.rig.idp.origin}")
    assert "x-frame-options" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


def test_the_answer_does_not_tell_whether_there_was_a_session(browser: Browser) -> None:
    browser.sign_in()
    hit = in_frame(browser, iss=browser.rig.idp.issuer, sid=sid_of(browser))
    miss = in_frame(browser, iss=browser.rig.idp.issuer, sid="unknown")
    assert (hit.status_code, hit.content, hit.headers) == (miss.status_code, miss.content, miss.headers)


@pytest.mark.parametrize("issuer", ["https://attacker.example", "{issuer}/", "{issuer}/other", "https://[", "x"])
def test_a_frame_that_names_another_issuer_ends_nothing(browser: Browser, issuer: str) -> None:
    browser.sign_in()
    named = issuer.replace("{issuer}", browser.rig.idp.issuer)
    assert in_frame(browser, iss=named, sid=sid_of(browser)).status_code == 200
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    "query",
    [{}, {"iss": "{issuer}"}, {"sid": "x"}, {"iss": "{issuer}", "sid": "s" * 300}, {"iss": "{issuer}", "sid": "a\0"}],
)
def test_a_frame_that_names_no_session_is_refused(browser: Browser, query: dict[str, str]) -> None:
    browser.sign_in()
    named = {name: value.replace("{issuer}", browser.rig.idp.issuer) for name, value in query.items()}
    answer = in_frame(browser, **named)
    assert answer.status_code == 400
    assert answer.headers["x-frame-options"] == "DENY"
    assert is_signed_in(browser)


def test_the_frame_of_an_unknown_provider_is_refused(browser: Browser) -> None:
    assert in_frame(browser, "nobody", iss=browser.rig.idp.issuer, sid="x").status_code == 404
