"""Signing out while Airflow's page is still alive: its next request must not sign the person in again.

Airflow's page signs out by ``location.replace('/api/v2/auth/logout')`` and polls until the next document is there; an
answer of 401 makes it ``location.replace('/api/v2/auth/login?next=…')``, which overtakes the sign-out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.e2e.identity_providers import OpenIdProvider
from tests.e2e.visitor import VICTOR, Visitor

ASKS_TO_SIGN_OUT = "Sign out of the identity provider?"
# Nothing waits for these: Airflow's own page does the same by itself, and may be the first.
OVERTAKEN = """(ours) => {
    const overtake = async () => {
        await fetch('/api/v2/auth/logout', {redirect: 'manual'});
        if (ours) await fetch('/auth/logout', {headers: {Accept: 'text/html'}});
        await fetch('/ui/auth/me');
        location.replace('/api/v2/auth/login?next=' + encodeURIComponent(location.href));
    };
    overtake();
}"""
POLLING = """() => {
    const poll = async () => {
        const answer = await fetch('/ui/auth/me').catch(() => null);
        if (answer && answer.status === 401)
            location.replace('/api/v2/auth/login?next=' + encodeURIComponent(location.href));
        else setTimeout(poll, 20);
    };
    poll();
    location.replace('/api/v2/auth/logout');
}"""


@pytest.fixture
def at_home(visitor: Visitor) -> Visitor:
    """Somebody who has just opened Airflow's page."""
    visitor.sign_in(VICTOR)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    return visitor


def signs_out_at_the_idp(visitor: Visitor) -> None:
    page = visitor.page
    expect(page.get_by_role("heading", name=ASKS_TO_SIGN_OUT)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert not visitor.is_signed_in()
    assert "_token" not in visitor.cookie_names()


@pytest.mark.parametrize("ours", [False, True], ids=["before-our-page", "instead-of-our-page"])
def test_a_request_that_overtakes_the_sign_out_does_not_sign_in_again(at_home: Visitor, ours: bool) -> None:
    before = at_home.airflow.last_audit_id()
    at_home.page.evaluate(OVERTAKEN, ours)
    signs_out_at_the_idp(at_home)
    assert [row["event"] for row in at_home.airflow.audit(before)] == ["auth.logout"]


@pytest.fixture
def slow_op(op: OpenIdProvider) -> Iterator[OpenIdProvider]:
    op.delay_sign_out(1.5)
    yield op
    op.delay_sign_out(0)


def test_a_page_that_polls_does_not_overtake_a_slow_identity_provider(
    at_home: Visitor, slow_op: OpenIdProvider
) -> None:
    before = at_home.airflow.last_audit_id()
    at_home.page.evaluate(POLLING)
    signs_out_at_the_idp(at_home)
    assert [row["event"] for row in at_home.airflow.audit(before)] == ["auth.logout"]


def test_another_window_does_not_sign_in_again_while_the_first_signs_out(at_home: Visitor) -> None:
    other = at_home.page.context.new_page()
    other.goto(at_home.url("/"))
    at_home.open("/api/v2/auth/logout")
    expect(at_home.page.get_by_role("heading", name=ASKS_TO_SIGN_OUT)).to_be_visible()
    with suppress(Error):  # that window's page may turn to the sign-in by itself at this very moment
        other.goto(at_home.url("/dags"))
    expect(other.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert not at_home.is_signed_in()
    signs_out_at_the_idp(at_home)
    expect(other.get_by_role("heading", name="You are signed out")).to_be_visible()


def test_a_request_answered_while_core_signs_out_leaves_the_session_to_be_ended(at_home: Visitor) -> None:
    before = at_home.airflow.last_audit_id()
    at_home.open("/api/v2/monitor/health")  # a page that asks nothing by itself
    at_home.page.evaluate(
        "async () => { await fetch('/api/v2/auth/logout', {redirect: 'manual'}); await fetch('/ui/auth/me'); }"
    )
    at_home.open("/auth/logout")
    signs_out_at_the_idp(at_home)
    assert [row["event"] for row in at_home.airflow.audit(before)] == ["auth.logout"]


def test_a_click_after_signing_out_signs_in_again_and_lands_on_the_link(at_home: Visitor) -> None:
    at_home.page.goto(at_home.url("/dags/finance_payroll"))
    at_home.page.evaluate(OVERTAKEN, False)
    expect(at_home.page.get_by_role("heading", name=ASKS_TO_SIGN_OUT)).to_be_visible()
    at_home.open("/dags/finance_payroll")
    at_home.page.get_by_role("link", name="Sign in again").click()
    at_home.choose_provider()
    at_home.page.wait_for_url(re.compile("/dags/finance_payroll"))
    assert at_home.is_signed_in()
