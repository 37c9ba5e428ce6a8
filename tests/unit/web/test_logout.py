"""Signing out ends the session, clears the cookie, and stays that way."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response

from airflow_oidc_auth.web.csrf import build_csrf_token
from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, set_cookies


def csrf_token(browser: Browser) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/auth/access").text)
    assert found
    return found.group(1)


def assert_signed_out(browser: Browser, answer: object) -> None:
    cleared = set_cookies(answer)  # type: ignore[arg-type]
    assert "Max-Age=0" in cleared["_token@/data/"]
    assert "Max-Age=0" in cleared["_token@/"]
    assert "Max-Age=0" in cleared["session@/data/"]
    assert browser.rig.store.list_sessions(now=0) == ()


def idp_logout_of(answer: Response) -> str:
    """Return where the page goes on to by itself."""
    delay, _, url = answer.headers["refresh"].partition("; url=")
    assert delay == "0"
    return url


def assert_still_signed_in(browser: Browser) -> None:
    assert browser.get("/auth/access").status_code == 200


def test_after_core_revoked_the_token_the_session_ends_and_the_idp_is_told(browser: Browser) -> None:
    browser.sign_in()
    browser.engine.tokens.revoked.add(browser.client.cookies["_token"])
    answer = browser.get("/auth/logout", headers={"sec-fetch-site": "same-origin"})
    # A page, not a redirect: Airflow's own page ends here, whose next request could overtake a slow IdP.
    assert answer.status_code == 200
    target = urlsplit(idp_logout_of(answer))
    query = parse_qs(target.query)
    assert f"{target.scheme}://{target.netloc}" == browser.rig.idp.origin
    assert query["post_logout_redirect_uri"] == [f"{BASE_URL}/auth/signed-out"]
    assert "id_token_hint" in query
    assert_signed_out(browser, answer)
    assert browser.rig.sink.events() == ["auth.login", "auth.logout"]


def test_the_old_cookie_is_worth_nothing_afterwards(browser: Browser) -> None:
    browser.sign_in()
    stolen = browser.client.cookies["_token"]
    browser.get("/auth/logout")
    browser.client.cookies.set("_token", stolen, domain="airflow.example", path="/data/")
    assert browser.get("/auth/access").status_code == 303
    assert "id_token_hint" not in idp_logout_of(browser.get("/auth/logout"))
    browser.rig.clock.ahead += 62
    browser.client.cookies.set("_token", stolen, domain="airflow.example", path="/data/")
    assert browser.get("/auth/logout").headers["location"] == f"{BASE_URL}/auth/signed-out"


def test_without_an_idp_logout_the_signed_out_page_follows(browser: Browser) -> None:
    assert browser.get("/auth/logout").headers["location"] == f"{BASE_URL}/auth/signed-out"


def test_the_signed_out_page_does_not_sign_in_by_itself(browser: Browser) -> None:
    browser.sign_in()
    browser.get("/auth/logout")
    page = browser.get("/auth/signed-out")
    assert page.status_code == 200
    assert "You are signed out" in page.text
    assert "refresh" not in page.headers
    assert "http-equiv" not in page.text
    assert f'href="{BASE_URL}/auth/login?again=1"' in page.text


def test_signing_in_again_right_after_is_no_lost_session(browser: Browser) -> None:
    browser.sign_in()
    browser.get("/auth/logout")
    assert browser.get("/auth/login?again=1").headers["location"].startswith(browser.rig.idp.origin)


def test_a_person_still_signed_in_is_not_told_otherwise(browser: Browser) -> None:
    browser.sign_in()
    page = browser.get("/auth/signed-out")
    assert "still signed in" in page.text
    assert "You are signed out" not in page.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_elsewhere_does_not_sign_anybody_out(browser: Browser, site: str) -> None:
    browser.sign_in()
    page = browser.get("/auth/logout", headers={"sec-fetch-site": site})
    assert page.status_code == 200
    assert "Sign out?" in page.text
    assert "set-cookie" not in page.headers
    assert_still_signed_in(browser)


def test_the_form_signs_out_and_goes_on_without_a_redirect_that_the_policy_would_stop(browser: Browser) -> None:
    browser.sign_in()
    headers = {"sec-fetch-site": "same-origin", "origin": "null"}
    answer = browser.post("/auth/logout", data={"csrf_token": csrf_token(browser)}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["refresh"].startswith(f"0; url={browser.rig.idp.origin}/")
    assert "id_token_hint" in answer.headers["refresh"]
    assert "id_token_hint" not in answer.text
    assert_signed_out(browser, answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "http://airflow.example"},
        {"origin": "https://airflow.example.evil.example"},
    ],
)
def test_a_form_from_elsewhere_is_refused_even_with_a_token(browser: Browser, headers: dict[str, str]) -> None:
    browser.sign_in()
    page = browser.post("/auth/logout", data={"csrf_token": csrf_token(browser)}, headers=headers)
    assert page.status_code == 403
    assert "csrf_failed" in page.text
    assert "set-cookie" not in page.headers
    assert_still_signed_in(browser)


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
def test_a_form_from_elsewhere_deletes_no_cookie_that_the_browser_did_not_send(
    browser: Browser, headers: dict[str, str]
) -> None:
    """``SameSite=Lax`` keeps the cookie at home, but the answer to a form may delete it."""
    page = browser.another().post("/auth/logout", data={}, headers=headers)
    assert page.status_code == 403
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    "token",
    ["", "x", "0.abc", "1732183200." + "0" * 64, "9" * 13 + ".x", "\u0661\u0662.x", "-1.x", "\U0001f600.x"],
)
def test_a_form_without_our_token_is_refused(browser: Browser, token: str) -> None:
    browser.sign_in()
    page = browser.post("/auth/logout", data={"csrf_token": token}, headers={"sec-fetch-site": "same-origin"})
    assert (page.status_code, "csrf_failed" in page.text) == (403, True)
    assert_still_signed_in(browser)


def test_another_sessions_token_and_an_old_one_are_refused(browser: Browser) -> None:
    browser.sign_in()
    other = browser.another()
    other.sign_in("oskar")
    assert browser.post("/auth/logout", data={"csrf_token": csrf_token(other)}).status_code == 403
    session_id = browser.engine.tokens.read(browser.client.cookies["_token"])
    assert session_id
    browser.rig.clock.ahead -= 12 * 3600 + 60
    old = build_csrf_token(browser.engine, session_id)
    browser.rig.clock.ahead += 12 * 3600 + 60
    assert browser.post("/auth/logout", data={"csrf_token": old}).status_code == 403
    assert_still_signed_in(browser)


def test_a_form_body_without_end_is_cut_off(browser: Browser) -> None:
    browser.sign_in()
    page = browser.post("/auth/logout", content=b"a=" + b"x" * 100_000)
    assert (page.status_code, "request_too_large" in page.text) == (400, True)


def test_when_the_store_is_down_the_browser_forgets_and_the_page_says_so(browser: Browser) -> None:
    browser.sign_in()
    browser.rig.store.down = True
    page = browser.get("/auth/logout")
    assert page.status_code == 503
    assert "session_store_unavailable" in page.text
    assert "Max-Age=0" in set_cookies(page)["_token@/data/"]


def test_sign_out_works_while_the_idp_is_down(browser: Browser) -> None:
    browser.sign_in()
    browser.rig.idp.stop()
    assert_signed_out(browser, browser.get("/auth/logout"))
