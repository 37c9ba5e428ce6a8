"""A program's token, sent as a cookie and as a header at once: pages are for people, whatever else comes along."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.contract.bearer import ME, call, engine_of, token_of
from tests.contract.conftest import Server

PAGES = ("/auth/access", "/auth/sessions")
FAB_PAGES = ("/auth/users/userinfo/", "/auth/users/list/")


def personal(browser: TestClient) -> str:
    """Return a token that a person made for a program."""
    return browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]


def as_both(server: Server, token: str) -> TestClient:
    """Return a client that sends the token twice."""
    client = server.client()
    client.cookies.set("_token", token, domain="localhost.local", path="/")
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.mark.parametrize("whose", ["made here", "of the identity provider"])
def test_a_programs_token_opens_no_page_and_ends_no_session_of_its_owner(server: Server, whose: str) -> None:
    """It would shed its scope's owner, its actors and its client: the audit would tell of the person alone."""
    ada = server.sign_in("ada")
    token = personal(ada) if whose == "made here" else token_of(server, "ada")
    assert call(server, token).status_code == 200
    program = as_both(server, token)
    assert program.get(ME).status_code == 200
    for page in PAGES + (FAB_PAGES if server.mode == "fab" else ()):
        answer = program.get(page, headers={"accept": "text/html"})
        assert answer.status_code in {302, 303}, page
        assert "/auth/login" in answer.headers["location"], page
    # Whoever has read the form token somewhere sends the form at once.
    assert program.post("/auth/sessions", data={"csrf_token": "x", "session": "x" * 8}).status_code == 401
    assert program.post("/auth/access/tokens", data={"csrf_token": "x", "token": "x" * 8}).status_code == 401
    assert ada.get(ME).status_code == 200


def test_the_cookie_of_a_browser_counts_whatever_header_comes_along(server: Server) -> None:
    ada = server.sign_in("ada")
    cookie = ada.cookies["_token"]
    for header in (f"Bearer {cookie}", f"Bearer {personal(ada)}", "Basic dXNlcjpwYXNz"):
        assert ada.get("/auth/access", headers={"Authorization": header}).status_code == 200


def test_who_works_behind_a_proxy_with_a_password_of_its_own_is_not_idle(server: Server) -> None:
    """Browsers send that password along with each request: it is nobody's token, and makes nobody a program."""
    ada = server.sign_in("ada")
    engine = engine_of(server)
    session_id = live_session_of(server, ada)
    engine._care.requests.hand_over()
    engine._care._activity._last.clear()
    assert ada.get(ME, headers={"Authorization": "Basic dXNlcjpwYXNz", "Sec-Fetch-Mode": "navigate"}).status_code == 200
    engine._care.requests.hand_over()
    assert engine.last_seen(session_id) is not None


def test_the_sign_out_shows_no_id_token_to_a_program(server: Server) -> None:
    """A token whose owner's browser was idle keeps what the identity provider is asked with."""
    ada = server.sign_in("ada")
    token = personal(ada)
    live = engine_of(server).live
    session_id = live_session_of(server, ada)
    assert live.end_many_now([session_id], reason="idle_timeout")
    answer = as_cookie(server, token).get("/auth/logout")
    assert "id_token_hint" not in answer.headers.get("refresh", "")
    assert call(server, token).status_code == 401


def as_cookie(server: Server, token: str) -> TestClient:
    client = server.client()
    client.cookies.set("_token", token, domain="localhost.local", path="/")
    return client


def live_session_of(server: Server, browser: TestClient) -> str:
    return engine_of(server).tokens.verify_now(browser.cookies["_token"]).session_id
