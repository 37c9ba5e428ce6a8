"""`next` never leaves this Airflow."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, set_cookies

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example/data/",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "https:\\\\evil.example",
    "https://evil.example/data/",
    "https:evil.example",
    "https:/evil.example/data/",
    "http:evil.example",
    "https://airflow.example@evil.example/data/",
    "https://airflow.example:secret@evil.example/data/",
    "https://airflow.example.evil.example/data/",
    "https://airflow.example:444/data/",
    "https://AIRFLOW.example.evil.example/data/",
    "https://[::1]/data/",
    "https://[broken/data/",
    "h%74tps://[",
    "%2f%2fevil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "%09//evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "\x00//evil.example",
    " //evil.example",
    "/data/\r\nSet-Cookie: owned=1",
    "/data/\r\n\r\n<script>alert(1)</script>",
    "/data/\u2028x",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://airflow.example/data/",
    "/other/app",
    "/data/../other",
    "/data/%2e%2e/other",
    "/database",
    "/data;other",
    "https://airflow.example/data;other/app",
    "https://airflow.example/",
]

INSIDE = [
    (None, f"{BASE_URL}/"),
    ("", f"{BASE_URL}/"),
    ("/data/", f"{BASE_URL}/"),
    ("/data/dags/a?tab=code#x", f"{BASE_URL}/dags/a?tab=code#x"),
    ("dags/a", f"{BASE_URL}/dags/a"),
    (f"{BASE_URL}/dags?search=%2F%2Fevil.example", f"{BASE_URL}/dags?search=%2F%2Fevil.example"),
    (f"{BASE_URL}/dags?back=https://evil.example/", f"{BASE_URL}/dags?back=https://evil.example/"),
    # Behind a proxy that ends TLS the address may say http: nobody is sent down to it.
    ("http://airflow.example/data/dags/a", f"{BASE_URL}/dags/a"),
    # Our own addresses would sign out again, or go in circles.
    ("/data/auth/logout", f"{BASE_URL}/"),
    ("/data/auth/login?next=/data/auth/login", f"{BASE_URL}/"),
    ("/data/auth/access", f"{BASE_URL}/auth/access"),
    ("/data/auth/sessions?q=ada", f"{BASE_URL}/auth/sessions?q=ada"),
    ("/data/auth/sessions/end?session=a", f"{BASE_URL}/"),
    ("/data/%61uth/logout", f"{BASE_URL}/"),
    ("/data//auth/logout", f"{BASE_URL}/"),
    ("/data/%2e/auth/%6cogout", f"{BASE_URL}/"),
    ("/data/AUTH/logout", f"{BASE_URL}/AUTH/logout"),
    # Core's own sign-out and sign-in.
    ("/data/api/v2/auth/logout", f"{BASE_URL}/"),
    ("/data/api/v2/%61uth/login?next=/data/dags", f"{BASE_URL}/"),
    ("/data/authors", f"{BASE_URL}/authors"),
    ("/data/" + "x" * 2500, f"{BASE_URL}/"),
]


@pytest.mark.parametrize("path", ["/auth/login", "/auth/login/okta"])
@pytest.mark.parametrize("target", ELSEWHERE)
def test_refuses_to_send_people_elsewhere(browser: Browser, path: str, target: str) -> None:
    page = browser.get(f"{path}?next={quote(target, safe='')}")
    assert page.status_code == 400
    assert "unsafe_next" in page.text
    assert "location" not in page.headers
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text


@pytest.mark.parametrize(("target", "arrives"), INSIDE)
def test_goes_where_the_link_pointed(browser: Browser, target: str | None, arrives: str) -> None:
    assert browser.sign_in("ada", target).headers["location"] == arrives


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/data/"])
def test_who_is_signed_in_is_not_sent_elsewhere_either(browser: Browser, target: str) -> None:
    browser.sign_in()
    page = browser.get("/auth/login", params={"next": target})
    assert page.status_code == 400


def test_a_foreign_host_header_moves_neither_return_address_nor_redirect_uri(browser: Browser) -> None:
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    refused = browser.get("/auth/login", params={"next": "https://evil.example/data/dags"}, headers=headers)
    assert refused.status_code == 400
    assert "https://evil.example" not in refused.text
    begun = browser.get("/auth/login", params={"next": "/data/dags/a"}, headers=headers)
    assert "redirect_uri=https%3A%2F%2Fairflow.example%2Fdata%2Fauth%2Fcallback%2Fokta" in begun.headers["location"]
    assert "evil" not in begun.headers["location"]
    assert browser.get("/auth/callback/okta", params=browser.answer_of_idp(begun)).headers["location"] == (
        f"{BASE_URL}/dags/a"
    )


def test_a_next_too_long_for_a_cookie_goes_home(browser: Browser) -> None:
    target = "/data/dags/" + "".join(chr(97 + (i * i * 7 + i // 3) % 26) for i in range(985))
    begun = browser.get("/auth/login/okta", params={"next": target})
    assert all(len(header.split(";")[0]) <= 1200 for header in set_cookies(begun).values())
    arrived = browser.get("/auth/callback/okta", params=browser.answer_of_idp(begun)).headers["location"]
    assert arrived in (f"{BASE_URL}/", f"https://airflow.example{target}")
