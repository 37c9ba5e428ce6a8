"""From lesser roles to more of them, with one more authentication, and what goes wrong on the way."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response

from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.grants.settings import RuleSettings
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, open_browser

HOUR = 3600
NEEDS = Needs(acr=("urn:mfa",), amr=("mfa",), within=HOUR)
WHO = {"group": "airflow-admins"}
RULES = (
    RuleSettings("platform & admins", "grants.rules[0]", WHO, ("Admin",), needs=NEEDS),
    RuleSettings("all", "grants.rules[1]", {"everyone": True}, ("Viewer",)),
)
PASSWORD = Misbehaviour(id_token_claims={"acr": "urn:pwd", "amr": ["pwd"]})
STRONG = Misbehaviour(id_token_claims={"acr": "urn:mfa", "amr": ["pwd", "mfa"]})
BACK = f"{BASE_URL}/auth/access?step_up=platform+%26+admins"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with open_browser(rules=RULES) as opened:
        opened.rig.idp.misbehaviour = PASSWORD
        yield opened


def offers(page: Response) -> list[str]:
    links = (html.unescape(each) for each in re.findall(r'href="([^"]*)"', page.text))
    return [link for link in links if "step_up=" in link]


def step_up(browser: Browser, user: str = "ada") -> Response:
    """Click, authenticate, come back."""
    [link] = offers(browser.get("/auth/access"))
    return browser.get("/auth/callback/okta", params=browser.answer_of_idp(browser.get(link), user))


def roles_of(browser: Browser) -> list[tuple[str, ...]]:
    live = browser.rig.store.list_sessions(now=int(browser.rig.clock()))
    return [session.grant.roles for session in live]


def shown_roles(page: Response) -> str:
    return re.sub(r"<[^>]+>", " ", page.text.partition('aria-labelledby="roles"')[2].partition("</section>")[0])


def test_a_password_gives_the_lesser_roles_and_the_page_offers_the_rest(browser: Browser) -> None:
    browser.sign_in()
    page = browser.get("/auth/access")
    assert "Viewer" in shown_roles(page)
    assert "Admin" not in shown_roles(page)
    assert "authentication context (acr) &#39;urn:mfa&#39;" in page.text
    assert len(offers(page)) == 1


def test_the_step_up_asks_for_exactly_what_the_rule_needs(browser: Browser) -> None:
    browser.sign_in()
    begun = browser.get(offers(browser.get("/auth/access"))[0])
    asked = {name: value for name, [value] in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    assert (asked["prompt"], asked["max_age"], asked["acr_values"]) == ("login", "3600", "urn:mfa")


def test_a_strong_authentication_gains_the_role_and_says_so(browser: Browser) -> None:
    browser.sign_in()
    browser.rig.idp.misbehaviour = STRONG
    answer = step_up(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, BACK)
    page = browser.get(BACK)
    assert "Admin" in shown_roles(page)
    assert "You now have Admin" in page.text
    assert "Ends" in page.text.partition('aria-labelledby="why"')[2]
    assert not offers(page)


def test_a_step_up_that_the_idp_ignores_gains_nothing_says_so_and_goes_in_no_circle(browser: Browser) -> None:
    browser.sign_in()
    answer = step_up(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, BACK)
    page = browser.get(BACK)
    assert page.status_code == 200
    assert "Nothing was gained" in page.text
    assert "Admin" not in shown_roles(page)
    assert len(offers(page)) == 1, "a person may try again; nothing does so by itself"
    assert "refresh" not in page.headers


def test_later_the_same_address_says_nothing_about_a_step_up(browser: Browser) -> None:
    browser.sign_in()
    step_up(browser)
    browser.rig.clock.ahead = 121
    assert "Nothing was gained" not in browser.get(BACK).text
    assert "Nothing was gained" not in browser.get("/auth/access?step_up=all").text


def test_somebody_else_is_not_let_in_by_a_step_up(browser: Browser) -> None:
    browser.sign_in("victor")
    wished = browser.get("/auth/login/okta", params={"step_up": "platform & admins", "next": BACK})
    browser.rig.idp.misbehaviour = STRONG
    page = browser.get("/auth/callback/okta", params=browser.answer_of_idp(wished, "ada"))
    assert page.status_code == 403
    assert "step_up_other_person" in page.text
    assert f"{BASE_URL}/auth/access" in page.text
    assert roles_of(browser) == [("Viewer",)], "nobody else has a session, and this one goes on"
    assert "Victor" in browser.get("/auth/access").text
    assert browser.rig.sink.records[-1].reason == "step_up_other_person"


def test_a_wish_without_a_session_is_a_plain_sign_in_of_whoever_comes(browser: Browser) -> None:
    browser.rig.idp.misbehaviour = STRONG
    wished = browser.get("/auth/login/okta", params={"step_up": "platform & admins"})
    assert browser.get("/auth/callback/okta", params=browser.answer_of_idp(wished)).status_code == 303
    assert roles_of(browser) == [("Admin", "Viewer")]


def test_a_rule_that_is_not_there_asks_for_nothing(browser: Browser) -> None:
    begun = browser.get("/auth/login/okta", params={"step_up": "no such rule"})
    assert not {"prompt", "max_age", "acr_values"} & parse_qs(urlsplit(begun.headers["location"]).query).keys()


def test_a_session_stolen_before_the_step_up_gains_nothing(browser: Browser) -> None:
    browser.sign_in()
    browser.rig.clock.ahead = 90
    thief = browser.another()
    thief.client.cookies.update(browser.client.cookies)
    browser.rig.idp.misbehaviour = STRONG
    step_up(browser)
    assert roles_of(browser) == [("Admin", "Viewer")], "the old session has ended"
    assert thief.get("/auth/access").status_code == 303, "and its cookie opens nothing"


def test_another_browser_of_the_same_person_keeps_its_lesser_roles(browser: Browser) -> None:
    browser.sign_in()
    other = browser.another()
    other.sign_in()
    browser.rig.idp.misbehaviour = STRONG
    step_up(browser)
    assert "Admin" in shown_roles(browser.get("/auth/access"))
    assert "Admin" not in shown_roles(other.get("/auth/access"))


def test_two_tabs_step_up_in_any_order(browser: Browser) -> None:
    browser.sign_in()
    [link] = offers(browser.get("/auth/access"))
    browser.rig.idp.misbehaviour = STRONG
    first, second = browser.get(link), browser.get(link)
    answers = browser.answer_of_idp(first), browser.answer_of_idp(second)
    for answer in reversed(answers):
        assert browser.get("/auth/callback/okta", params=answer).headers["location"] == BACK
        assert "Admin" in shown_roles(browser.get(BACK))
    assert browser.get("/auth/callback/okta", params=answers[0]).status_code >= 400, "an answer is good once"
    assert "Admin" in shown_roles(browser.get(BACK))


def test_the_role_ends_at_the_request_without_any_re_check(browser: Browser) -> None:
    browser.rig.idp.misbehaviour = STRONG
    browser.sign_in()
    assert "Admin" in shown_roles(browser.get("/auth/access"))
    browser.rig.clock.ahead = HOUR - 30
    assert "Admin" in shown_roles(browser.get("/auth/access"))
    browser.rig.clock.ahead = HOUR + 1
    page = browser.get("/auth/access")
    assert "Admin" not in shown_roles(page)
    assert "Missing: authentication within the last 1h" in page.text
    assert len(offers(page)) == 1


@pytest.mark.parametrize(
    "lie",
    [
        Misbehaviour(id_token_claims={**STRONG.id_token_claims, "auth_time": "1900000000"}),
        Misbehaviour(id_token_claims={**STRONG.id_token_claims, "auth_time": True}),
        Misbehaviour(id_token_claims=STRONG.id_token_claims, omit_id_token_claims=("auth_time",)),
        Misbehaviour(id_token_claims=STRONG.id_token_claims, id_token_offsets={"auth_time": -HOUR}),
        Misbehaviour(id_token_claims=STRONG.id_token_claims, id_token_offsets={"auth_time": 2 * HOUR}),
        Misbehaviour(id_token_claims={"acr": ["urn:mfa"], "amr": ["mfa"]}),
        Misbehaviour(id_token_claims={"acr": "urn:mfa", "amr": "pwd mfa"}),
        Misbehaviour(userinfo_claims={"acr": "urn:mfa", "amr": ["mfa"]}, omit_id_token_claims=("name", "acr", "amr")),
    ],
)
def test_no_trick_with_claims_gives_the_role(browser: Browser, lie: Misbehaviour) -> None:
    browser.rig.idp.misbehaviour = lie
    browser.sign_in()
    assert roles_of(browser) == [("Viewer",)]
    browser.rig.clock.ahead = 3 * HOUR
    assert "Admin" not in shown_roles(browser.get("/auth/access")), "time makes nobody fresh"


def test_the_idp_may_say_that_it_cannot(browser: Browser) -> None:
    browser.sign_in()
    begun = browser.get(offers(browser.get("/auth/access"))[0])
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    answer = {"error": "unmet_authentication_requirements", "state": state, "iss": browser.rig.idp.issuer}
    page = browser.get("/auth/callback/okta", params=answer)
    assert page.status_code == 403
    assert "step_up_unmet" in page.text
    assert browser.get("/auth/access").status_code == 200, "the session goes on"


def test_whoever_has_no_lesser_role_is_refused_with_a_way_on() -> None:
    with open_browser(rules=RULES[:1]) as browser:
        browser.rig.idp.misbehaviour = PASSWORD
        page = browser.sign_in("ada", f"{BASE_URL}/dags")
        assert page.status_code == 403
        assert "step_up_needed" in page.text
        [link] = offers(page)
        begun = browser.get(link)
        assert parse_qs(urlsplit(begun.headers["location"]).query)["acr_values"] == ["urn:mfa"]
        browser.rig.idp.misbehaviour = STRONG
        answer = browser.get("/auth/callback/okta", params=browser.answer_of_idp(begun))
        assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE_URL}/dags")
        browser.rig.clock.ahead = HOUR + 1
        assert browser.get("/auth/access").status_code == 303, "without any role there is no session"
