"""A page of Airflow's that is still open turns to the sign-in while its person signs out: nobody is signed in again."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response

from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, open_browser, set_cookies
from tests.unit.web.test_logout import idp_logout_of

BEGINNINGS = ["/auth/login", "/auth/login/okta"]
LINK = f"{BASE_URL}/dags/etl"


def again_link(page: Response) -> str:
    found = re.search(r'href="([^"]+)">Sign in again<', page.text)
    assert found
    return html.unescape(found.group(1))


def keep_cookie(browser: Browser) -> Callable[[], None]:
    """Return what gives the browser back the session cookie that it has now."""
    token = browser.client.cookies["_token"]
    return lambda: browser.client.cookies.set("_token", token, domain="airflow.example", path="/data/")


def assert_does_not_begin(browser: Browser, answer: Response) -> None:
    assert answer.status_code == 200
    assert "You are signed out" in answer.text
    assert not any(name.startswith("oidc_attempt") for name in set_cookies(answer))
    assert "Max-Age=0" in set_cookies(answer)["_token@/data/"]
    assert browser.rig.store.list_sessions(now=0) == ()


def assert_goes_on(browser: Browser, answer: Response) -> dict[str, list[str]]:
    target = urlsplit(idp_logout_of(answer))
    assert f"{target.scheme}://{target.netloc}" == browser.rig.idp.origin
    query = parse_qs(target.query)
    assert query["post_logout_redirect_uri"] == [f"{BASE_URL}/auth/signed-out"]
    return query


@pytest.mark.parametrize("path", BEGINNINGS)
def test_before_our_sign_out_was_reached_the_sign_in_finishes_it(browser: Browser, path: str) -> None:
    browser.sign_in()
    browser.engine.tokens.revoked.add(browser.client.cookies["_token"])
    answer = browser.get(path, params={"next": LINK})
    assert_does_not_begin(browser, answer)
    assert "id_token_hint" in assert_goes_on(browser, answer)
    assert browser.rig.sink.events() == ["auth.login", "auth.logout"]
    assert again_link(answer) == f"{BASE_URL}/auth/login?next=https%3A%2F%2Fairflow.example%2Fdata%2Fdags%2Fetl&again=1"
    assert "id_token_hint" not in answer.text


@pytest.mark.parametrize("path", BEGINNINGS)
def test_after_a_sign_out_whose_answer_never_arrived_the_sign_in_goes_on_to_the_idp(
    browser: Browser, path: str
) -> None:
    browser.sign_in()
    restore = keep_cookie(browser)
    browser.get("/auth/logout")
    browser.client.cookies.clear()
    restore()
    answer = browser.get(path)
    assert_does_not_begin(browser, answer)
    assert "id_token_hint" not in assert_goes_on(browser, answer)
    assert browser.rig.sink.events() == ["auth.login", "auth.logout"]


@pytest.mark.parametrize("path", BEGINNINGS)
def test_after_our_answer_other_pages_neither_sign_in_nor_disturb_the_one_at_the_idp(
    browser: Browser, path: str
) -> None:
    browser.sign_in()
    browser.get("/auth/logout")
    for answer in (browser.get(path), browser.get(path)):
        assert_does_not_begin(browser, answer)
        assert "refresh" not in answer.headers


def test_a_sign_out_begins_with_a_page_that_changes_nothing(browser: Browser) -> None:
    browser.sign_in()
    leaving = browser.get("/auth/logout", headers={"sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin"})
    assert leaving.status_code == 200
    assert "set-cookie" not in leaving.headers
    assert browser.get("/auth/access").status_code == 200
    url = idp_logout_of(leaving)
    assert url == f"{BASE_URL}/auth/logout?now=1"
    assert f'href="{url}"' in leaving.text, "without Refresh a click goes on"
    answer = browser.get(url, headers={"accept": "text/html", "sec-fetch-site": "same-origin"})
    assert "id_token_hint" in assert_goes_on(browser, answer)
    assert_does_not_begin(browser, answer)


def test_the_second_step_asks_too_when_another_site_links_to_it(browser: Browser) -> None:
    browser.sign_in()
    page = browser.get("/auth/logout?now=1", headers={"accept": "text/html", "sec-fetch-site": "cross-site"})
    assert "Sign out?" in page.text
    assert browser.get("/auth/access").status_code == 200


@pytest.mark.parametrize("path", BEGINNINGS)
def test_a_click_signs_in_at_once_and_what_follows_is_as_ever(browser: Browser, path: str) -> None:
    browser.sign_in()
    browser.get("/auth/logout")
    page = browser.get(path, params={"next": LINK})
    begun = browser.get(again_link(page))
    assert "Max-Age=0" in set_cookies(begun)["oidc_left@/data/auth/"]
    back = browser.get("/auth/callback/okta", params=browser.answer_of_idp(begun))
    assert back.headers["location"] == LINK
    assert browser.get("/auth/login", params={"next": LINK}).headers["location"] == LINK


def test_with_a_choice_of_providers_the_click_leads_through_it(browser_with_choice: Browser) -> None:
    browser = browser_with_choice
    browser.sign_in()
    browser.get("/auth/logout")
    chooser = browser.get(again_link(browser.get("/auth/login")))
    found = re.search(r'href="([^"]+/auth/login/entra[^"]*)"', chooser.text)
    assert found
    assert browser.get(html.unescape(found.group(1))).status_code == 303


def test_a_minute_later_it_is_forgotten_even_by_a_browser_that_keeps_every_cookie(browser: Browser) -> None:
    browser.sign_in()
    restore = keep_cookie(browser)
    assert "Max-Age=60" in set_cookies(browser.get("/auth/logout"))["oidc_left@/data/auth/"]
    assert "oidc_left@/data/auth/" not in set_cookies(browser.get("/auth/login")), "a minute, however often it asks"
    browser.client.cookies.clear()
    restore()
    browser.rig.clock.ahead += 62
    assert browser.get("/auth/login").status_code == 303


@pytest.mark.parametrize("reason", ["idle", "ended_by_admin", "backchannel_logout", "too_many_sessions"])
@pytest.mark.parametrize("path", BEGINNINGS)
def test_whose_session_was_ended_otherwise_signs_in_at_once(browser: Browser, path: str, reason: str) -> None:
    browser.sign_in()
    restore = keep_cookie(browser)
    session_id = browser.engine.tokens.read(browser.client.cookies["_token"])
    assert session_id
    browser.rig.sessions.end_now(session_id, reason=reason)
    browser.client.cookies.clear()
    restore()
    assert browser.get(path).headers["location"].startswith(browser.rig.idp.origin)


def test_whose_session_expired_signs_in_at_once(browser: Browser) -> None:
    browser.sign_in()
    browser.rig.clock.ahead += 13 * 3600
    browser.client.cookies.delete("oidc_arrived")
    assert browser.get("/auth/login").status_code == 303


def test_a_sign_out_seconds_after_the_sign_in_is_no_lost_session(browser: Browser) -> None:
    browser.sign_in()
    assert "oidc_arrived" in browser.client.cookies
    browser.engine.tokens.revoked.add(browser.client.cookies["_token"])
    page = browser.get("/auth/login")
    assert "session_not_kept" not in page.text
    assert_does_not_begin(browser, page)


def test_without_an_idp_logout_the_person_stays_signed_out_here(browser: Browser) -> None:
    browser.sign_in()
    browser.rig.providers.clear()
    assert browser.get("/auth/logout").headers["location"] == f"{BASE_URL}/auth/signed-out"
    answer = browser.get("/auth/login/okta")
    assert_does_not_begin(browser, answer)
    assert "refresh" not in answer.headers


def test_an_address_elsewhere_is_refused_as_ever(browser: Browser) -> None:
    browser.sign_in()
    browser.get("/auth/logout")
    page = browser.get("/auth/login", params={"next": "https://evil.example/"})
    assert (page.status_code, "unsafe_next" in page.text) == (400, True)


def test_a_store_that_is_down_is_said_and_the_cookie_stays_for_another_try(browser: Browser) -> None:
    browser.sign_in()
    browser.engine.tokens.revoked.add(browser.client.cookies["_token"])
    browser.rig.store.down = True
    page = browser.get("/auth/login")
    assert (page.status_code, "session_store_unavailable" in page.text) == (503, True)
    browser.rig.store.down = False
    assert_does_not_begin(browser, browser.get("/auth/login"))


def test_only_a_cookie_of_a_session_that_ended_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_browser() as browser:
        asked: list[str] = []
        find = browser.rig.store.find_ending

        def counted(session_id: str, *, now: int) -> object:
            asked.append(session_id)
            return find(session_id, now=now)

        monkeypatch.setattr(browser.rig.store, "find_ending", counted)
        browser.get("/auth/login")
        browser.sign_in()
        browser.get("/auth/login")
        browser.get("/auth/login/okta")
        assert asked == []
