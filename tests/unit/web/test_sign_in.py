"""From a link into Airflow to the page that it pointed at."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, open_browser, set_cookies

DEEP_LINK = f"{BASE_URL}/dags/finance_daily/runs/manual__2026-11-21T10:00:00+00:00?tab=graph#task"


def test_the_only_provider_is_asked_at_once(browser: Browser) -> None:
    begun = browser.get("/auth/login", params={"next": DEEP_LINK})
    query = parse_qs(urlsplit(begun.headers["location"]).query)
    assert begun.status_code == 303
    assert query["redirect_uri"] == [f"{BASE_URL}/auth/callback/okta"]
    assert query["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= query.keys()


def test_a_deep_link_survives_the_sign_in(browser: Browser) -> None:
    signed_in = browser.sign_in("ada", DEEP_LINK)
    assert signed_in.status_code == 303
    assert signed_in.headers["location"] == DEEP_LINK


def test_without_next_the_person_comes_home(browser: Browser) -> None:
    assert browser.sign_in().headers["location"] == f"{BASE_URL}/"


def test_the_session_cookie_is_small_scoped_and_closed(browser: Browser) -> None:
    cookies = set_cookies(browser.sign_in())
    token = cookies["_token@/data/"].lower()
    assert "httponly" in token
    assert "secure" in token
    assert "samesite=lax" in token
    assert int(re.search(r"max-age=(\d+)", token).group(1)) in range(12 * 3600 - 5, 12 * 3600 + 1)  # type: ignore[union-attr]
    assert len(cookies["_token@/data/"]) < 1024
    assert "max-age=0" in cookies["_token@/"].lower(), "an older Airflow's cookie at the root would win"


def test_the_attempt_cookie_is_scoped_and_removed_after_use(browser: Browser) -> None:
    begun = browser.get("/auth/login/okta")
    [(key, header)] = set_cookies(begun).items()
    assert re.fullmatch(r"oidc_attempt_[0-9a-f]{12}@/data/auth/", key)
    for flag in ("HttpOnly", "Secure", "SameSite=lax", "Max-Age=600"):
        assert flag in header
    finished = browser.get("/auth/callback/okta", params=browser.answer_of_idp(begun))
    assert "Max-Age=0" in set_cookies(finished)[key]


def test_two_tabs_finish_in_any_order(browser: Browser) -> None:
    first = browser.get("/auth/login/okta", params={"next": "/data/dags/one"})
    second = browser.get("/auth/login/okta", params={"next": "/data/dags/two"})
    answers = browser.answer_of_idp(first), browser.answer_of_idp(second)
    assert browser.get("/auth/callback/okta", params=answers[1]).headers["location"] == f"{BASE_URL}/dags/two"
    assert browser.get("/auth/callback/okta", params=answers[0]).headers["location"] == f"{BASE_URL}/dags/one"


def test_several_providers_are_offered_with_the_link_kept(browser_with_choice: Browser) -> None:
    page = browser_with_choice.get("/auth/login", params={"next": DEEP_LINK})
    assert page.status_code == 200
    assert "Company login" in page.text
    assert "Microsoft" in page.text
    assert "/auth/login/entra?next=https%3A%2F%2Fairflow.example%2Fdata%2Fdags" in page.text
    assert "set-cookie" not in page.headers


def test_who_is_signed_in_already_goes_on(browser: Browser) -> None:
    browser.sign_in()
    again = browser.get("/auth/login", params={"next": DEEP_LINK})
    assert (again.status_code, again.headers["location"]) == (303, DEEP_LINK)


def test_a_lost_session_cookie_does_not_go_in_circles(browser: Browser) -> None:
    browser.sign_in()
    browser.client.cookies.delete("_token", domain="airflow.example", path="/data/")
    page = browser.get("/auth/login", params={"next": DEEP_LINK})
    assert page.status_code == 403
    assert "session_not_kept" in page.text
    assert f"{BASE_URL}/auth/login/okta" in page.text
    assert browser.get("/auth/login/okta").status_code == 303, "a click goes on"


def test_nobody_without_a_rule_comes_in(browser: Browser) -> None:
    page = browser.sign_in("nora", DEEP_LINK)
    assert page.status_code == 403
    for text in ("No access yet", "Nora Nobody", "nora@example.com", "canteen", "Company login", "no_matching_rule"):
        assert text in page.text
    assert "_token@/data/" not in set_cookies(page)
    assert "location" not in page.headers
    assert "refresh" not in page.headers
    assert browser.rig.sink.events() == ["auth.login_refused"]
    assert browser.rig.sink.records[0].correlation_id in page.text


def test_another_account_is_asked_for_only_by_a_click(browser: Browser) -> None:
    page = browser.sign_in("nora", DEEP_LINK)
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]*account=other[^"]*)"', page.text)]
    assert len(links) == 1
    begun = browser.get(links[0])
    assert parse_qs(urlsplit(begun.headers["location"]).query)["prompt"] in (["login"], ["select_account"])
    plain = browser.get("/auth/login/okta")
    assert "prompt" not in parse_qs(urlsplit(plain.headers["location"]).query)


def test_a_role_change_is_audited_at_the_next_sign_in(browser: Browser) -> None:
    from dataclasses import replace

    browser.sign_in("victor")
    browser.rig.idp.users = [replace(user, groups=("airflow-admins",)) for user in browser.rig.idp.users]
    browser.another().sign_in("victor")
    events = browser.rig.sink.events()
    assert events == ["auth.login", "auth.login", "auth.roles_changed"]
    changed = browser.rig.sink.records[-1]
    assert (changed.roles_before, changed.roles_after) == (("Viewer",), ("Admin",))


@pytest.mark.parametrize(
    "path", ["/auth/login", "/auth/login/okta", "/auth/callback/okta?code=x&state=y", "/auth/logout"]
)
def test_head_spends_nothing(browser: Browser, path: str) -> None:
    answer = browser.request("HEAD", path)
    assert answer.status_code == 405
    assert "set-cookie" not in answer.headers


def test_whose_authentication_is_too_old_is_offered_a_new_one() -> None:
    with open_browser(settings=SessionSettings(12 * 3600, reauthenticate_after=3600)) as browser:
        browser.rig.idp.misbehaviour = Misbehaviour(id_token_offsets={"auth_time": -7200})
        refused = browser.sign_in()
        assert refused.status_code == 403
        assert "auth_time_too_old" in refused.text
        [link] = re.findall(r'href="([^"]*fresh=1[^"]*)"', refused.text)
        begun = browser.get(html.unescape(link))
        query = parse_qs(urlsplit(begun.headers["location"]).query)
        assert (query["prompt"], query["max_age"]) == (["login"], ["3600"])
        browser.rig.idp.misbehaviour = Misbehaviour()
        answer = browser.get("/auth/callback/okta", params=browser.answer_of_idp(begun))
        assert answer.status_code == 303
        assert browser.get("/auth/access").status_code == 200
