"""Every answer of ours: strict headers, one heading, no script, a stable code; JSON for programs."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from httpx import Response
from starlette.requests import Request

from airflow_oidc_auth.messages import all_messages
from airflow_oidc_auth.testing import FakeUser
from airflow_oidc_auth.web.answers import prefers_json
from airflow_oidc_auth.web.engine import Outlook
from airflow_oidc_auth.web.my_access import describe_distance
from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, set_cookies

PAGES: dict[str, Callable[[Browser], Response]] = {
    "chooser": lambda browser: browser.get("/auth/login"),
    "refused": lambda browser: browser.sign_in("nora"),
    "failed": lambda browser: browser.get("/auth/callback/okta?state=x&code=y"),
    "unsafe next": lambda browser: browser.get("/auth/login?next=//evil.example"),
    "signed out": lambda browser: browser.get("/auth/signed-out"),
    "not found": lambda browser: browser.get("/auth/nothing/here"),
    "method": lambda browser: browser.post("/auth/login"),
    "my access": lambda browser: [browser.sign_in(), browser.get("/auth/access")][1],
    "confirm": lambda browser: [
        browser.sign_in(),
        browser.get("/auth/logout", headers={"sec-fetch-site": "cross-site"}),
    ][1],
    "not signed in": lambda browser: browser.get("/auth/access", headers={"sec-fetch-dest": "iframe"}),
}
OTHERS: dict[str, Callable[[Browser], Response]] = {
    "begin": lambda browser: browser.get("/auth/login/okta"),
    "arrive": lambda browser: browser.sign_in(),
    "logout": lambda browser: browser.get("/auth/logout"),
    "health": lambda browser: browser.get("/auth/health"),
    "token": lambda browser: browser.post("/auth/token"),
    "json": lambda browser: browser.get("/auth/nothing", headers={"accept": "application/json"}),
}
FRAMED_BY_AIRFLOW = {"my access", "not signed in"}


class Outline(HTMLParser):
    """What matters of a page: tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("name", [*PAGES, *OTHERS])
def test_every_answer_carries_the_strict_headers(browser_with_choice: Browser, name: str) -> None:
    headers = {**PAGES, **OTHERS}[name](browser_with_choice).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    framing = "'self'" if name in FRAMED_BY_AIRFLOW else "'none'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == framing
    assert (policy["form-action"], policy["base-uri"]) == ("'self'", "'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == ("SAMEORIGIN" if name in FRAMED_BY_AIRFLOW else "DENY")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_a_document_that_anybody_can_use(browser_with_choice: Browser, name: str) -> None:
    page = PAGES[name](browser_with_choice)
    outline = Outline(page.text)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("title")) == 1
    assert not outline.all("script")
    assert not [
        attributes
        for _, attributes in outline.tags
        if any(key.startswith("on") or key == "style" for key in attributes)
    ]
    labelled = {attributes.get("for") for attributes in outline.all("label")}
    visible = [field for field in outline.all("input") if field.get("type") != "hidden"]
    assert all(field.get("id") in labelled for field in visible)
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = [attributes["aria-labelledby"] for _, attributes in outline.tags if "aria-labelledby" in attributes]
    assert set(references) <= set(ids)


@pytest.mark.parametrize("name", PAGES)
def test_every_form_that_changes_something_has_a_csrf_token(browser_with_choice: Browser, name: str) -> None:
    outline = Outline(PAGES[name](browser_with_choice).text)
    posts = [form for form in outline.all("form") if form["method"] == "post"]
    tokens = [field for field in outline.all("input") if field.get("name") == "csrf_token"]
    assert len(posts) == len(tokens)


def test_the_policy_names_the_hash_of_the_style_sheet(browser: Browser) -> None:
    page = browser.get("/auth/signed-out")
    [style] = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]


def test_names_from_outside_are_text_and_not_markup(browser: Browser) -> None:
    name = "<img src=x onerror=alert(1)>\"'&"
    browser.rig.idp.users = [
        FakeUser("s-1", name, "mallory@example.com", ("<b>group</b>", "{{ 'owned' * 7 }}")),
        FakeUser("s-2", name, "admin@example.com", ("airflow-admins",)),
    ]
    refused = browser.sign_in("mallory")
    browser.sign_in("admin")
    for page in (refused, browser.get("/auth/access")):
        assert "<img" not in page.text
        assert "<b>" not in page.text
        assert "ownedowned" not in page.text
        assert "Data &lt;Platform&gt;" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/auth/",
        "/auth/Login",
        "/auth/login/",
        "/auth/login/a/b",
        "/auth/%2e%2e/x",
        "/auth/callback",
        "/auth/\u00e4",
    ],
)
def test_unknown_paths_get_a_page_and_no_redirect(browser: Browser, path: str) -> None:
    page = browser.get(path, headers={"host": "evil.example"})
    assert page.status_code == 404
    assert "page_unknown" in page.text
    assert "evil.example" not in page.text


@pytest.mark.parametrize("provider", ["nope", "OKTA", "okta%00", "%3Cscript%3E", "x" * 3000])
def test_unknown_providers_get_a_page(browser: Browser, provider: str) -> None:
    page = browser.get(f"/auth/login/{provider}")
    assert page.status_code == 404
    assert "<script>" not in page.text


def test_programs_get_the_same_code_as_json(browser: Browser) -> None:
    answer = browser.get("/auth/callback/okta?state=x", headers={"accept": "application/json"})
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"] == "attempt_unknown"
    assert body.keys() == {"error", "title", "detail", "hint", "correlation_id"}
    assert browser.get("/auth/access", headers={"accept": "application/json"}).json()["error"] == "not_signed_in"


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json", True),
        ("application/json, text/plain, */*", False),
        ("application/json, text/html;q=0.9", True),
        ("text/html;q=0.1, application/*;q=0.5", True),
        ("application/json;q=0", False),
        ("application/json;q=much", False),
        ("application/json;q=nan, */*;q=0", False),
        (",;,;;q=,", False),
    ],
)
def test_accept_decides_between_page_and_json(accept: str | None, json: bool) -> None:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    assert prefers_json(Request({"type": "http", "headers": headers})) is json


def test_an_unexpected_error_is_a_page_with_a_reference_and_one_log_line(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fall(*_: object, **__: object) -> None:
        raise RuntimeError("boom: a detail for the log")

    monkeypatch.setattr(browser.engine, "is_safe_url", fall)
    caplog.set_level(logging.ERROR)
    page = browser.get("/auth/login?next=/data/")
    assert page.status_code == 500
    assert "boom" not in page.text
    assert "internal_error" in page.text
    [record] = caplog.records
    reference = re.search(r"correlation_id=(\w+)", record.getMessage())
    assert reference
    assert reference.group(1) in page.text
    assert page.headers["cache-control"] == "no-store"


def test_health_is_public_and_lean(browser: Browser) -> None:
    answer = browser.get("/auth/health")
    assert answer.json() == {
        "configuration": "abc",
        "status": "ok",
        "providers": [{"id": "okta", "label": "Company login", "state": "ok", "circuit": "closed"}],
    }


@pytest.mark.parametrize("facts", [{"closed": "revocations_stale"}, {"configuration_rejected": {"since": 1}}])
def test_health_says_that_nobody_gets_in_or_that_the_document_is_broken(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, facts: dict
) -> None:
    monkeypatch.setattr(browser.engine, "health", lambda: facts)
    answer = browser.get("/auth/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


def test_my_access_explains_who_what_and_why(browser: Browser) -> None:
    browser.sign_in("oskar")
    page = browser.get("/auth/access")
    for text in (
        "Oskar Operator",
        "oskar@example.com",
        "5d3a-0002",
        "Company login",
        "operators",
        "grants.rules[1]",
        "team-billing-ops",
        "UTC",
        "in 12 h",
        "just now",
    ):
        assert text in page.text, text
    assert page.text.count("<time datetime=") == 2


def test_my_access_shows_what_ends_or_changes_the_session_early(browser: Browser) -> None:
    browser.sign_in()
    now = int(browser.rig.clock())
    browser.engine.outlook = Outlook(now - 130, now + 175, 1800, 8 * 3600, 3)
    page = browser.get("/auth/access").text
    for text in (
        "2 min ago",
        "in 3 min",
        "After 30 min without activity",
        "as you must every 8 h",
        "At most 3 at a time",
        "counts from the next check",
    ):
        assert text in page, text


def test_my_access_says_that_a_check_that_is_due_is_near(browser: Browser) -> None:
    browser.sign_in()
    browser.engine.outlook = Outlook(check_due_at=int(browser.rig.clock()) - 500)
    assert "in less than a minute" in browser.get("/auth/access").text


def test_my_access_does_not_promise_a_check_that_nobody_makes(browser: Browser) -> None:
    browser.sign_in()
    page = browser.get("/auth/access").text
    assert "When you sign in again." in page
    assert "counts from your next sign-in" in page
    assert "without activity" not in page


def test_my_access_shows_and_remembers_the_zone(browser: Browser) -> None:
    browser.sign_in()
    page = browser.get("/auth/access", params={"tz": "Asia/Tokyo"})
    assert "JST" in page.text
    assert "UTC" in page.text
    assert "oidc_zone@/data/auth/" in set_cookies(page)
    assert "JST" in browser.get("/auth/access").text


@pytest.mark.parametrize(
    "zone", ["Nowhere", "../../etc/passwd", "/etc/passwd", "\x00", "a" * 5000, '"><script>', "UTC\n"]
)
def test_a_zone_that_is_none_is_said_and_not_kept(browser: Browser, zone: str) -> None:
    browser.sign_in()
    page = browser.get("/auth/access", params={"tz": zone})
    assert page.status_code == 200
    assert "no time zone of that name" in page.text
    assert "<script>" not in page.text
    assert "Max-Age=0" in set_cookies(page)["oidc_zone@/data/auth/"]


def test_my_access_without_a_session_asks_to_sign_in_and_comes_back(browser: Browser) -> None:
    answer = browser.get("/auth/access")
    assert (
        answer.headers["location"] == f"{BASE_URL}/auth/login?next=https%3A%2F%2Fairflow.example%2Fdata%2Fauth%2Faccess"
    )
    assert browser.sign_in("ada", f"{BASE_URL}/auth/access").headers["location"] == f"{BASE_URL}/auth/access"


def test_the_store_being_down_is_said_and_keeps_the_cookie(browser: Browser) -> None:
    browser.sign_in()
    browser.rig.store.down = True
    other = browser.another()
    other.client.cookies.set("_token", browser.client.cookies["_token"], domain="airflow.example", path="/data/")
    browser.rig.sessions._cache.drop(browser.engine.tokens.read(browser.client.cookies["_token"]) or "")
    page = other.get("/auth/access")
    assert (page.status_code, "session_store_unavailable" in page.text) == (503, True)
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-20, "just now"),
        (20, "in less than a minute"),
        (60, "in 1 min"),
        (11 * 3600 + 58 * 60, "in 11 h 58 min"),
        (-3600, "1 h ago"),
        (29 * 86400 + 3600 * 3 + 60, "in 29 d 3 h"),
    ],
)
def test_distances_are_in_plain_words(seconds: int, text: str) -> None:
    assert describe_distance(seconds) == text


def test_every_message_can_be_shown() -> None:
    for code, entry in all_messages().items():
        assert entry.title, code
        assert entry.text.endswith((".", "?")), code
        assert 400 <= entry.status < 600, code
        assert entry.hint.count("`") % 2 == 0, code
