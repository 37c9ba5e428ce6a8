"""Signing out as a browser does it that still shows Airflow's page, through core and its own middleware."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import jwt

from tests.contract.conftest import BASE_URL, path_of
from tests.contract.statements import counted

LINK = f"{BASE_URL}/dags/etl"


def turn_to_the_sign_in(browser):
    """Do what Airflow's page does when it is answered with 401."""
    assert browser.get("/ui/auth/me").status_code == 401
    begun = browser.get("/api/v2/auth/login", params={"next": LINK})
    return browser.get(path_of(begun.headers["location"]))


def assert_signed_out(server, browser, answer, *, hint):
    assert answer.status_code == 200
    assert "You are signed out" in answer.text
    target = urlsplit(answer.headers["refresh"].removeprefix("0; url="))
    query = parse_qs(target.query)
    assert f"{target.scheme}://{target.netloc}" == server.idp.origin
    assert query["post_logout_redirect_uri"] == [f"{BASE_URL}/auth/signed-out"]
    assert ("id_token_hint" in query) is hint
    assert "_token" not in browser.cookies


def last_events(audit_rows):
    events = [row["event"] for row in audit_rows(9)]
    return [event for event in events if event in {"auth.login", "auth.logout"}][:2]


def test_a_sign_out_goes_through_pages_of_ours(server, audit_rows):
    browser = server.sign_in("ada")
    browser.get("/api/v2/auth/logout")
    leaving = browser.get("/auth/logout", headers={"accept": "text/html"})
    assert "set-cookie" not in leaving.headers
    answer = browser.get(path_of(leaving.headers["refresh"].removeprefix("0; url=")), headers={"accept": "text/html"})
    assert_signed_out(server, browser, answer, hint=True)
    assert last_events(audit_rows) == ["auth.logout", "auth.login"]
    assert browser.get("/ui/auth/me").status_code == 401


def test_a_page_that_turns_to_the_sign_in_before_our_sign_out_was_reached_finishes_it(server, audit_rows):
    browser = server.sign_in("ada")
    browser.get("/api/v2/auth/logout")
    assert_signed_out(server, browser, turn_to_the_sign_in(browser), hint=True)
    assert last_events(audit_rows) == ["auth.logout", "auth.login"]


def test_a_page_that_is_answered_while_core_signs_out_keeps_what_our_sign_out_needs(server, audit_rows):
    browser = server.sign_in("ada")
    browser.get("/api/v2/auth/logout")
    assert browser.get("/ui/auth/me").status_code == 401
    assert_signed_out(server, browser, browser.get("/auth/logout"), hint=True)
    assert last_events(audit_rows) == ["auth.logout", "auth.login"]


def test_a_page_that_turns_to_the_sign_in_after_our_answer_was_lost_goes_on_without_a_hint(server):
    browser = server.sign_in("ada")
    kept = dict(browser.cookies)
    browser.get("/api/v2/auth/logout")
    browser.get("/auth/logout")
    browser.cookies.clear()
    browser.cookies.set("_token", kept["_token"], domain="localhost.local", path="/")
    assert_signed_out(server, browser, turn_to_the_sign_in(browser), hint=False)


def test_a_page_that_turns_to_the_sign_in_after_our_answer_does_not_sign_in(server):
    browser = server.sign_in("ada")
    browser.get("/api/v2/auth/logout")
    browser.get("/auth/logout")
    answer = turn_to_the_sign_in(browser)
    assert "You are signed out" in answer.text
    assert "refresh" not in answer.headers


def test_a_click_signs_in_again_and_leads_where_the_link_pointed(server):
    browser = server.sign_in("ada")
    browser.get("/api/v2/auth/logout")
    turn_to_the_sign_in(browser)
    begun = browser.get("/auth/login", params={"next": LINK, "again": "1"})
    assert server.finish(browser, begun.headers["location"], "ada").headers["location"] == LINK
    assert browser.get("/ui/auth/me").status_code == 200


def test_whose_session_an_administrator_ended_signs_in_at_once(server):
    browser = server.sign_in("ada")
    session_id = jwt.decode(browser.cookies["_token"], options={"verify_signature": False})["sid"]
    browser.app.state.auth_manager.engine.live.end_now(session_id, reason="ended_by_admin")
    browser.cookies.delete("oidc_arrived")  # fifteen seconds later
    assert turn_to_the_sign_in(browser).headers["location"].startswith(server.idp.origin)


def test_a_sign_in_without_a_cookie_asks_the_database_nothing_more(server):
    server.sign_in("ada")
    browser = server.client()
    with counted() as statements:
        assert browser.get("/auth/login").status_code == 303
    assert statements == []
