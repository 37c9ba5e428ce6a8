"""Whoever tries too often is told so, and nobody else notices."""

from __future__ import annotations

import httpx
import pytest

from airflow_oidc_auth.config.compiled import RateLimitSettings
from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.web.rate_limits import LIMITED
from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, Client, open_browser

WRONG = {"grant_type": "client_credentials", "client_id": "nightly", "client_secret": "guess"}


class Watch:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch(browser: Browser) -> Watch:
    """Limits of the default document, and the clock they go by."""
    return limit(browser)


def limit(browser: Browser, **settings: str) -> Watch:
    watch = Watch()
    browser.engine.rate_limits = RateLimits(RateLimitSettings(**settings), BASE_URL, watch)
    return watch


def at(browser: Browser, address: str) -> Browser:
    """Return a browser elsewhere."""
    other = Client(browser.app)
    transport = httpx.ASGITransport(browser.app, raise_app_exceptions=False, client=(address, 4711))
    other._client = httpx.AsyncClient(transport=transport, base_url="https://airflow.example")
    return Browser(other, browser.engine, browser.rig, browser.app)


def test_guessing_a_secret_ends_after_thirty_tries_and_others_do_not_notice(browser: Browser, watch: Watch):
    answers = [browser.post("/auth/token", data=WRONG) for _ in range(31)]
    assert {answer.status_code for answer in answers[:30]} == {401}
    assert answers[30].status_code == 429
    assert at(browser, "203.0.113.5").post("/auth/token", data=WRONG).status_code == 401


def test_a_program_is_told_in_the_words_of_oauth_when_to_come_back(browser: Browser, watch: Watch):
    for _ in range(30):
        browser.post("/auth/token", data=WRONG)
    watch.now += 17
    answer = browser.post("/auth/token", data=WRONG)
    assert answer.headers["retry-after"] == "43"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["error"], body["code"]) == ("temporarily_unavailable", "rate_limited")
    assert "Retry-After" in body["error_description"]
    watch.now += 43
    assert browser.post("/auth/token", data=WRONG).status_code == 401


@pytest.mark.parametrize("path", ["/auth/token", "/auth/token/cli", "/auth/token/revoke"])
def test_every_address_of_tokens_counts_together(browser: Browser, watch: Watch, path: str):
    for _ in range(30):
        browser.get("/auth/token/cli")
    assert browser.post(path, data=WRONG).status_code == 429


@pytest.mark.parametrize("path", ["/auth/saml/okta/acs", "/auth/saml/okta/finish"])
def test_responses_count_wherever_they_are_brought(browser: Browser, watch: Watch, path: str):
    """The first address sends the browser on to the second, which verifies; nobody has to begin with the first."""
    answers = [browser.post(path, data={"SAMLResponse": "x", "RelayState": "r"}) for _ in range(301)]
    assert [answer.status_code == 429 for answer in answers] == [False] * 300 + [True]
    assert at(browser, "203.0.113.5").post(path, data={"SAMLResponse": "x"}).status_code != 429


def test_nothing_of_a_request_too_many_is_read(browser: Browser, watch: Watch):
    for _ in range(30):
        browser.post("/auth/token", data=WRONG)
    answer = browser.post("/auth/token", content=b"{" * 10_000_000, headers={"content-type": "application/json"})
    assert answer.status_code == 429


@pytest.mark.parametrize("path", ["/auth/login", "/auth/login/okta"])
def test_a_person_sees_a_page_that_says_when_to_come_back(browser: Browser, path: str):
    limit(browser, login="3/minute")
    assert [browser.get(path).status_code for _ in range(4)] == [303, 303, 303, 429]
    answer = browser.get(path, headers={"accept": "text/html"})
    assert answer.headers["retry-after"] == "60"
    assert answer.headers["content-type"].startswith("text/html")
    assert "Too many tries" in answer.text
    assert "rate_limited" in answer.text
    assert at(browser, "203.0.113.5").get(path).status_code == 303


def test_looking_at_the_choice_of_providers_begins_nothing_and_counts_for_nothing():
    with open_browser(provider_ids=("okta", "entra")) as browser:
        limit(browser, login="1/minute")
        assert [browser.get("/auth/login").status_code for _ in range(3)] == [200] * 3
        assert [browser.get("/auth/login/okta").status_code for _ in range(2)] == [303, 429]


def test_a_forged_callback_can_be_tried_only_so_often(browser: Browser):
    limit(browser, callback="2/minute")
    answers = [browser.get("/auth/callback/okta", params={"code": "x", "state": "y"}) for _ in range(3)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]


def test_a_person_at_another_address_signs_in_during_an_attack(browser: Browser):
    limit(browser, login="1/minute", callback="1/minute")
    for _ in range(50):
        browser.get("/auth/login/okta")
        browser.get("/auth/callback/okta", params={"code": "x", "state": "y"})
    assert at(browser, "203.0.113.5").sign_in().status_code == 303


def test_a_forwarded_address_that_the_server_does_not_trust_changes_nothing(browser: Browser):
    limit(browser, login="1/minute")
    statuses = [
        browser.get("/auth/login/okta", headers={"x-forwarded-for": f"203.0.113.{number}"}).status_code
        for number in range(2)
    ]
    assert statuses == [303, 429]


def test_a_method_that_is_not_offered_counts_for_nothing(browser: Browser):
    limit(browser, token="1/minute")
    assert [browser.get("/auth/token").status_code for _ in range(3)] == [405] * 3
    assert browser.post("/auth/token", data=WRONG).status_code == 401


@pytest.mark.parametrize("path", ["/auth/health", "/auth/signed-out"])
def test_health_and_signing_out_are_never_limited(browser: Browser, path: str):
    limit(browser, token="1/minute", login="1/minute", callback="1/minute")
    assert {browser.get(path).status_code for _ in range(20)} == {200}


def test_what_is_limited_exists(browser: Browser):
    routes = {getattr(route, "path", "") for mount in browser.app.routes for route in getattr(mount, "routes", [])}
    assert set(LIMITED) <= routes
