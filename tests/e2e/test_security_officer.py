"""What a security officer does in a browser and at a terminal: who is signed in, end that session, break the glass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.airflow_server import Airflow
from tests.e2e.processes import wait_until
from tests.e2e.visitor import ADA, UMA, Visitor

HEARD_SECONDS = 5


@pytest.fixture
def visit(browser: Browser, airflow: Airflow) -> Iterator[Callable[[], Visitor]]:
    """Give each person a browser of their own."""
    opened = []

    def visit() -> Visitor:
        context = browser.new_context(locale="en-GB")
        context.set_default_timeout(15_000)
        opened.append(context)
        return Visitor(context.new_page(), airflow)

    yield visit
    for context in opened:
        context.close()


def test_an_administrator_ends_somebodys_session_with_a_reason(visit: Callable[[], Visitor], airflow: Airflow) -> None:
    uma, ada = visit(), visit()
    uma.sign_in(UMA, "/auth/access")
    expect(uma.page.get_by_role("heading", name="My access")).to_be_visible()
    ada.sign_in(ADA, "/auth/sessions")
    before = airflow.last_audit_id()
    row = ada.page.get_by_role("row", name=UMA).first
    row.get_by_role("link", name="All of theirs").or_(row.get_by_label("End all sessions of Uma User")).first.click()
    ada.page.get_by_label("Reason").fill("lost laptop")
    ada.page.get_by_role("button", name="End").first.click()
    expect(ada.page.get_by_role("status")).to_contain_text("ended")
    wait_until(lambda: not uma.is_signed_in(), "the end of Uma's session", seconds=HEARD_SECONDS)
    assert ada.is_signed_in()
    rows = [each for each in airflow.audit(before) if each["event"] == "auth.session_ended"]
    assert {(each["reason"], each["ended_by"], each["explanation"]) for each in rows} == {
        ("ended_by_admin", ADA, "lost laptop")
    }


def test_everybody_else_sees_their_own_sessions_only(visit: Callable[[], Visitor]) -> None:
    here, elsewhere, ada = visit(), visit(), visit()
    ada.sign_in(ADA, "/auth/access")
    elsewhere.sign_in(UMA, "/auth/access")
    here.sign_in(UMA, "/auth/sessions")
    expect(here.page.get_by_role("row", name=UMA).first).to_be_visible()
    assert here.page.get_by_role("row", name=ADA).count() == 0
    here.page.get_by_role("button", name="End my other sessions").or_(
        here.page.get_by_role("link", name="End my other sessions")
    ).click()
    here.page.get_by_role("button", name="End").first.click()
    wait_until(lambda: not elsewhere.is_signed_in(), "the end of the other session", seconds=HEARD_SECONDS)
    assert here.is_signed_in()
    assert ada.is_signed_in()


def test_a_break_glass_link_works_once_and_by_its_button_only(visit: Callable[[], Visitor], airflow: Airflow) -> None:
    done = airflow.run("oidc", "break-glass", "--role", "Admin", "--minutes", "5", "--reason", "drill", "--json")
    assert done.returncode == 0, done.stderr
    url = json.loads(done.stdout)["url"]
    preview, officer, thief = visit(), visit(), visit()
    preview.page.goto(url)
    assert not preview.is_signed_in()
    officer.page.goto(url)
    officer.page.get_by_role("button", name="Sign in and use the link up").click()
    officer.page.wait_for_url(f"{airflow.base_url}/")
    assert officer.get("/api/v2/connections").status == 200
    thief.page.goto(url)
    assert thief.page.get_by_role("button", name="Sign in and use the link up").count() == 0
    assert not thief.is_signed_in()
    preview.page.get_by_role("button", name="Sign in and use the link up").click()
    assert not preview.is_signed_in()
    assert url.partition("link=")[2] not in (airflow.home / "api-server.log").read_text(encoding="utf-8")
