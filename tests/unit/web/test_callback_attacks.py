"""What anybody may send to the callback, and what comes of it: a page with a code, never a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from airflow_oidc_auth.testing import ATTACKS
from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, open_browser, set_cookies


def begin(browser: Browser, provider: str = "okta") -> dict[str, str]:
    return browser.answer_of_idp(browser.get(f"/auth/login/{provider}"))


def refused(browser: Browser, path: str, code: str, status: int = 400, **options: object) -> str:
    page = browser.get(path, **options)
    assert (page.status_code, code in page.text) == (status, True), page.text
    assert "_token@/data/" not in set_cookies(page)
    assert "location" not in page.headers
    assert "refresh" not in page.headers
    return page.text


def test_a_replayed_callback_opens_nothing_and_does_not_loop(browser: Browser) -> None:
    answer = begin(browser)
    assert browser.get("/auth/callback/okta", params=answer).status_code == 303
    text = refused(browser, "/auth/callback/okta", "attempt_unknown", params=answer)
    assert "Go to Airflow" in text


def test_a_replay_with_the_attempt_cookie_fails_at_the_used_code(browser: Browser) -> None:
    answer = begin(browser)
    kept = dict(browser.client.cookies)
    browser.get("/auth/callback/okta", params=answer)
    thief = browser.another()
    for name, value in kept.items():
        thief.client.cookies.set(name, value, domain="airflow.example", path="/data/auth/")
    refused(thief, "/auth/callback/okta", "code_refused", params=answer)


def test_an_answer_for_another_browser_is_refused(browser: Browser) -> None:
    answer = begin(browser)
    refused(browser.another(), "/auth/callback/okta", "attempt_unknown", params=answer)


def test_login_csrf_the_attackers_answer_in_my_browser_is_refused(browser: Browser) -> None:
    attacker = browser.another()
    answer = begin(attacker)
    begin(browser)
    refused(browser, "/auth/callback/okta", "attempt_unknown", params=answer)


def test_a_cookie_moved_to_another_attempts_name_is_refused(browser: Browser) -> None:
    answer = begin(browser)
    [mine] = browser.client.cookies
    other = browser.another()
    begin(other)
    [value] = other.client.cookies.values()
    browser.client.cookies.set(mine, value, domain="airflow.example", path="/data/auth/")
    refused(browser, "/auth/callback/okta", "attempt_unknown", params=answer)


def test_an_answer_at_another_providers_address_is_a_mix_up(browser_with_choice: Browser) -> None:
    answer = begin(browser_with_choice, "okta")
    refused(browser_with_choice, "/auth/callback/entra", "attempt_mixed_up", params=answer)
    refused(browser_with_choice, "/auth/callback/okta", "attempt_unknown", params=answer)


def test_a_provider_removed_meanwhile_is_said_to_be_unknown(browser_with_choice: Browser) -> None:
    answer = begin(browser_with_choice, "entra")
    del browser_with_choice.rig.providers["entra"]
    refused(browser_with_choice, "/auth/callback/entra", "provider_unknown", 404, params=answer)


@pytest.mark.parametrize("seconds", [601, 3600, -120])
def test_an_answer_too_late_or_from_the_future_is_refused(browser: Browser, seconds: int) -> None:
    answer = begin(browser)
    browser.rig.clock.ahead += seconds
    refused(browser, "/auth/callback/okta", "attempt_expired", params=answer)


TAMPERED: list[tuple[str, Callable[[str], str]]] = [
    ("empty", lambda value: ""),
    ("no-token", lambda value: "abc"),
    ("not-ascii", lambda value: "\u00e4\u00f6"),
    ("cut", lambda value: value[:-8]),
    ("flipped", lambda value: value[:60] + ("A" if value[60] != "A" else "B") + value[61:]),
    ("huge", lambda value: value * 50),
    ("json", lambda value: '{"provider": "okta"}'),
]


@pytest.mark.parametrize("tamper", [case[1] for case in TAMPERED], ids=[case[0] for case in TAMPERED])
def test_a_tampered_cookie_is_refused(browser: Browser, tamper: Callable[[str], str]) -> None:
    answer = begin(browser)
    [(name, value)] = browser.client.cookies.items()
    browser.client.cookies.clear()
    header = f"{name}={tamper(value)}".encode("latin-1", "replace")
    refused(browser, "/auth/callback/okta", "attempt_unknown", params=answer, headers={b"cookie": header})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "attempt_unknown"),
        ("code=abc", "attempt_unknown"),
        ("state=", "attempt_unknown"),
        ("state=%00&code=%00", "attempt_unknown"),
        ("state=%F0%9F%92%A5&code=x", "attempt_unknown"),
        ("state=%ff%fe&code=x", "request_malformed"),
        ("state=a&state=b", "duplicate_parameter"),
        ("state=a&code=1&code=1", "duplicate_parameter"),
        ("error=x&error_description=a&error_description=b", "duplicate_parameter"),
        ("state=" + "a" * 20_000, "request_too_large"),
        ("&".join(f"p{i}=1" for i in range(100)), "request_malformed"),
        ("state=a;code=b", "attempt_unknown"),
        ("state[]=a&state[$ne]=b", "attempt_unknown"),
    ],
)
def test_malformed_queries_get_a_page(browser: Browser, query: str, code: str) -> None:
    refused(browser, f"/auth/callback/okta?{query}", code)


def test_a_duplicate_of_a_real_answer_does_not_spend_the_attempt(browser: Browser) -> None:
    answer = begin(browser)
    query = f"state={answer['state']}&code=foreign&code={answer['code']}"
    refused(browser, f"/auth/callback/okta?{query}", "duplicate_parameter")
    assert browser.get("/auth/callback/okta", params=answer).status_code == 303


@pytest.mark.parametrize("field", ["error", "error_description", "error_uri", "code", "iss", "session_state"])
def test_nothing_of_the_query_is_shown(browser: Browser, field: str) -> None:
    answer = begin(browser)
    payload = '"><script>alert(document.cookie)</script>'
    query = {"state": answer["state"], "iss": answer.get("iss", ""), field: payload}
    page = browser.get("/auth/callback/okta", params=query)
    assert page.status_code >= 400
    assert "alert(" not in page.text
    assert payload not in str(page.headers)


def test_access_denied_is_a_page_and_not_another_redirect(browser: Browser) -> None:
    begun = browser.get("/auth/login/okta", params={"next": "/data/dags/a"})
    answer = browser.answer_of_idp(begun)
    denied = {"error": "access_denied", "state": answer["state"], "iss": answer["iss"]}
    text = refused(browser, "/auth/callback/okta", "idp_denied", 403, params=denied)
    assert "/auth/login/okta?next=https%3A%2F%2Fairflow.example%2Fdata%2Fdags%2Fa" in text
    assert browser.rig.sink.events() == ["auth.login_refused"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused_and_spend_nothing(browser: Browser, method: str) -> None:
    answer = begin(browser)
    page = browser.request(method, "/auth/callback/okta", params=answer)
    assert page.status_code == 405
    assert page.headers["allow"] == "GET"
    assert "set-cookie" not in page.headers
    assert browser.get("/auth/callback/okta", params=answer).status_code == 303


@pytest.fixture(scope="module")
def shared_browser() -> Iterator[Browser]:
    with open_browser() as opened:
        opened.sign_in()
        yield opened


# Discovery and keys are cached by the first sign-in, and this configuration needs no userinfo.
IN_THIS_FLOW = sorted(name for name in ATTACKS if not name.startswith(("discovery", "keys", "userinfo")))


@pytest.mark.parametrize("name", IN_THIS_FLOW)
def test_a_lying_idp_signs_nobody_in(shared_browser: Browser, name: str) -> None:
    browser = shared_browser.another()
    begun = browser.get("/auth/login/okta")
    browser.rig.idp.misbehaviour = ATTACKS[name]
    try:
        answer = browser.answer_of_idp(begun)
        page = browser.get("/auth/callback/okta", params=answer)
    finally:
        browser.rig.idp.misbehaviour = type(ATTACKS[name])()
    assert page.status_code in range(400, 505)
    assert "_token@/data/" not in set_cookies(page)
    assert "refresh" not in page.headers


def test_an_idp_that_is_down_is_said_to_be_down(browser: Browser) -> None:
    browser.rig.idp.stop()
    page = browser.get("/auth/login", params={"next": f"{BASE_URL}/dags/a"})
    assert page.status_code == 502
    assert "provider_unreachable" in page.text
    assert "location" not in page.headers
    assert browser.rig.sink.events() == ["auth.login_failed"]
