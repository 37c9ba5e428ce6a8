"""The main job: a link, the identity provider, the role, the deep link, the audit row; in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.airflow_server import Airflow
from tests.e2e.visitor import ADA, NORA, OSKAR, UMA, VICTOR, Visitor

DAG = "marketing_newsletter"
# What the API answers to each role: list DAGs, list connections, start a DAG run, list variables, list audit rows.
PERMITTED = {
    ADA: (200, 200, 200, 200, 200),
    OSKAR: (200, 200, 200, 200, 403),
    UMA: (200, 403, 200, 403, 403),
    VICTOR: (200, 403, 403, 403, 403),
}


def the_one_row(airflow: Airflow, after: int, event: str):
    rows = [row for row in airflow.audit(after) if row["event"] == event]
    assert len(rows) == 1, airflow.audit(after)
    return rows[0]


@pytest.mark.parametrize(("name", "role"), [(ADA, "Admin"), (OSKAR, "Op"), (UMA, "User"), (VICTOR, "Viewer")])
def test_each_demo_user_lands_with_the_role_of_their_group(visitor: Visitor, name: str, role: str) -> None:
    before = visitor.airflow.last_audit_id()
    visitor.sign_in(name)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    expect(visitor.page.get_by_role("link", name="Dags", exact=True).first).to_be_visible()

    answers = (
        visitor.get("/api/v2/dags"),
        visitor.get("/api/v2/connections"),
        visitor.post(f"/api/v2/dags/{DAG}/dagRuns", {"logical_date": None}),
        visitor.get("/api/v2/variables"),
        visitor.get("/api/v2/eventLogs"),
    )
    assert tuple(answer.status for answer in answers) == PERMITTED[name]

    row = the_one_row(visitor.airflow, before, "auth.login")
    assert row["owner"] == name
    assert row["roles_after"] == [role]


def test_a_deep_link_is_kept_through_the_sign_in(visitor: Visitor) -> None:
    target = f"/dags/{DAG}?tab=overview"
    visitor.sign_in(VICTOR, target)
    visitor.page.wait_for_url(re.compile(rf"/dags/{DAG}.*tab=overview"))
    expect(visitor.page.get_by_text(DAG).first).to_be_visible()


def test_who_is_signed_in_at_the_provider_comes_through_without_a_click_on_a_person(visitor: Visitor) -> None:
    visitor.sign_in(UMA)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    visitor.page.context.clear_cookies(domain="localhost")
    visitor.open("/")
    visitor.choose_provider()
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    assert visitor.is_signed_in()


def test_a_person_whom_no_rule_knows_is_told_why_and_gets_no_session(visitor: Visitor) -> None:
    before = visitor.airflow.last_audit_id()
    visitor.sign_in(NORA)
    heading = visitor.page.get_by_role("heading", level=1)
    expect(heading).to_be_visible()
    expect(visitor.page.get_by_text("canteen")).to_be_visible()
    expect(visitor.page.get_by_text(NORA)).to_be_visible()
    assert not visitor.is_signed_in()
    assert "_token" not in visitor.cookie_names()

    row = the_one_row(visitor.airflow, before, "auth.login_refused")
    assert row["subject"] == "op-0005"
    reference = visitor.page.locator("code.select").inner_text()
    assert row["correlation_id"] == reference


def test_a_person_who_goes_away_at_the_provider_gets_a_page_and_no_session(visitor: Visitor) -> None:
    visitor.sign_in("Cancel")
    expect(visitor.page.locator("code.select")).to_be_visible()
    assert "/auth/callback/op" in visitor.page.url
    assert not visitor.is_signed_in()


def test_the_cookie_is_small_and_kept_from_scripts(visitor: Visitor) -> None:
    visitor.sign_in(ADA)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    (token,) = (cookie for cookie in visitor.page.context.cookies() if cookie["name"] == "_token")
    assert token["httpOnly"]
    assert token["sameSite"] == "Lax"
    assert len(token["name"] + token["value"]) <= 1024
    assert not [name for name in visitor.cookie_names() if name.startswith("oidc_attempt")]


def test_two_tabs_sign_in_at_once_and_finish_in_the_other_order(visitor: Visitor) -> None:
    second = Visitor(visitor.page.context.new_page(), visitor.airflow)
    for tab, path in ((visitor, "/dags"), (second, f"/dags/{DAG}")):
        tab.open(path)
        tab.choose_provider()
    second.choose_person(UMA)
    second.page.wait_for_url(re.compile(rf"/dags/{DAG}"))
    visitor.choose_person(UMA)
    visitor.page.wait_for_url(re.compile(r"/dags$"))
    assert visitor.is_signed_in()
    assert second.is_signed_in()


def test_a_reloaded_callback_neither_fails_loudly_nor_signs_in_twice(visitor: Visitor) -> None:
    callbacks: list[str] = []
    visitor.page.on(
        "request", lambda request: callbacks.append(request.url) if "/auth/callback/" in request.url else None
    )
    visitor.sign_in(UMA)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    before = visitor.airflow.last_audit_id()
    answer = visitor.page.goto(callbacks[0])
    assert answer is not None
    assert answer.status < 500
    assert visitor.is_signed_in()
    assert [row for row in visitor.airflow.audit(before) if row["event"] == "auth.login"] == []


def test_no_authorization_code_reaches_a_log(visitor: Visitor) -> None:
    visitor.sign_in(VICTOR)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    assert visitor.codes
    logs = visitor.airflow.all_logs()
    assert any("/auth/callback/op" in text for text in logs.values()), "the access log is not where it is looked for"
    for path, text in logs.items():
        for code in visitor.codes:
            assert code not in text, path
