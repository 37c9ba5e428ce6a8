"""What people see and click: the chooser, the menu, the audit log page, my access, signing out."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.visitor import ADA, UMA, VICTOR, Visitor


def test_the_chooser_offers_every_provider_and_keeps_the_link(visitor: Visitor) -> None:
    visitor.open("/dags/finance_payroll")
    expect(visitor.page.get_by_role("link", name="Company login")).to_be_visible()
    visitor.page.get_by_role("link", name="Another login").click()
    visitor.page.wait_for_url(re.compile("/dags/finance_payroll"))
    assert visitor.get("/ui/auth/me").json()["username"] == "Lisa Liar"


def test_my_access_is_in_the_menu_and_says_role_and_rule(visitor: Visitor) -> None:
    visitor.sign_in(UMA)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    visitor.page.get_by_role("button", name=re.compile("Security")).click()
    visitor.page.get_by_role("menuitem", name="Permissions").click()
    page = visitor.page.frame_locator("iframe")
    expect(page.get_by_role("heading", name="My access")).to_be_visible()
    expect(page.get_by_text("airflow-users").first).to_be_visible()
    expect(page.locator("span.role", has_text="User")).to_be_visible()


def test_my_access_has_its_name_in_the_menu_of_those_who_may_see_plugins(visitor: Visitor) -> None:
    visitor.sign_in(ADA)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    visitor.page.get_by_role("button", name=re.compile("User")).click()
    with visitor.page.context.expect_page() as opened:
        visitor.page.get_by_text("My access").click()
    expect(opened.value.get_by_role("heading", name="My access")).to_be_visible()


def test_my_access_shows_every_column_on_a_narrow_screen_without_scrolling_sideways(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 360, "height": 740})
    visitor.sign_in(UMA, "/auth/access")
    table = visitor.page.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_count(2 + 3)  # what she may do, and by which rules
    for cell in (*table.get_by_role("rowheader").all(), *table.get_by_role("cell").all()):
        box = cell.bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= 360
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_audit_log_page_shows_an_admin_who_signed_in(visitor: Visitor) -> None:
    visitor.sign_in(ADA)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    visitor.open("/events")
    expect(visitor.page.get_by_text("auth.login", exact=True).first).to_be_visible()
    expect(visitor.page.get_by_text(ADA).first).to_be_visible()


def test_signing_out_ends_both_sessions_and_does_not_sign_in_again(visitor: Visitor) -> None:
    visitor.sign_in(VICTOR)
    visitor.page.wait_for_url(f"{visitor.airflow.base_url}/")
    (cookie,) = (cookie for cookie in visitor.page.context.cookies() if cookie["name"] == "_token")
    before = visitor.airflow.last_audit_id()

    visitor.open("/api/v2/auth/logout")
    visitor.page.get_by_role("button", name="Sign out").click()
    expect(visitor.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert visitor.page.url.startswith(f"{visitor.airflow.base_url}/auth/")
    assert "_token" not in visitor.cookie_names()
    visitor.page.wait_for_timeout(1500)
    expect(visitor.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert [row["event"] for row in visitor.airflow.audit(before)] == ["auth.logout"]

    stolen = visitor.page.request.get(
        visitor.url("/ui/auth/me"), headers={"Authorization": f"Bearer {cookie['value']}"}, max_redirects=0
    )
    assert stolen.status == 401

    # The provider, too, asks again who it is.
    visitor.page.get_by_role("link", name="Sign in again").click()
    visitor.choose_provider()
    expect(visitor.page.get_by_role("heading", name="Sign in at the identity provider")).to_be_visible()


def test_signing_out_on_my_access_goes_through_the_provider_too(visitor: Visitor) -> None:
    visitor.sign_in(VICTOR, "/auth/access")
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.page.get_by_role("heading", name="Sign out of the identity provider?").wait_for()
    visitor.page.get_by_role("button", name="Sign out").click()
    expect(visitor.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert not visitor.is_signed_in()


def test_every_page_of_ours_carries_its_safety_headers(visitor: Visitor) -> None:
    for path in (
        "/auth/login",
        "/auth/access",
        "/auth/signed-out",
        "/auth/callback/op?state=x&code=y",
        "/auth/nothing",
    ):
        headers = visitor.get(path).headers
        assert headers["cache-control"] == "no-store", path
        assert "frame-ancestors" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path


def test_a_link_to_a_foreign_site_is_answered_with_a_page_and_not_followed(visitor: Visitor) -> None:
    visitor.open("/auth/login?next=https://evil.example/")
    expect(visitor.page.locator(".codes")).to_contain_text("unsafe_next")
    assert visitor.page.url.startswith(visitor.airflow.base_url)
