"""A token of a person's own in a browser and at the API: made, listed, outliving the sign-out, revoked."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
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
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 1000})
        context.set_default_timeout(15_000)
        opened.append(context)
        return Visitor(context.new_page(), airflow)

    yield visit
    for context in opened:
        context.close()


def make(visitor: Visitor) -> str:
    """Press core's "generate API token"."""
    answer = visitor.post("/ui/auth/token", {"token_type": "api"})
    assert answer.ok, answer.text()
    token: str = answer.json()["access_token"]
    return token


def is_accepted(airflow: Airflow, token: str) -> bool:
    """Call the API as a program does, without any cookie."""
    request = urllib.request.Request(f"{airflow.base_url}/api/v2/dags", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        return False


def test_a_token_outlives_the_sign_out_and_ends_with_one_click(visit: Callable[[], Visitor], airflow: Airflow) -> None:
    uma = visit()
    uma.sign_in(UMA, "/auth/access")
    token = make(uma)
    uma.open("/auth/access")
    row = uma.page.get_by_role("table", name="Tokens").get_by_role("row", name="Personal").first
    expect(row).to_contain_text("User")
    assert is_accepted(airflow, token)
    uma.page.get_by_role("button", name="Sign out").click()
    wait_until(lambda: not uma.is_signed_in(), "the sign-out", seconds=HEARD_SECONDS)
    assert is_accepted(airflow, token), "it is Uma's, not her browser's"
    again = visit()
    again.sign_in(UMA, "/auth/access")
    before = airflow.last_audit_id()
    again.page.get_by_role("button", name="Revoke").first.click()
    expect(again.page.get_by_role("status")).to_contain_text("revoked")
    wait_until(lambda: not is_accepted(airflow, token), "the end of the token", seconds=HEARD_SECONDS)
    assert again.is_signed_in()
    (row_of_audit,) = [each for each in airflow.audit(before) if each["event"] == "auth.session_ended"]
    assert (row_of_audit["reason"], row_of_audit["kind"]) == ("ended_by_user", "personal")


def test_an_officer_finds_a_token_and_revokes_it_as_the_command_does(
    visit: Callable[[], Visitor], airflow: Airflow
) -> None:
    uma, ada = visit(), visit()
    uma.sign_in(UMA, "/auth/access")
    first, second = make(uma), make(uma)
    ada.sign_in(ADA, "/auth/sessions?kind=token")
    expect(ada.page.get_by_text("Personal token").first).to_be_visible()
    ada.page.get_by_role("link", name="Revoke the token").first.click()
    expect(ada.page.get_by_role("heading", name="Revoke this token?")).to_be_visible()
    ada.page.get_by_label("Reason").fill("no longer needed")
    ada.page.get_by_role("button", name="Revoke it").click()
    wait_until(
        lambda: [is_accepted(airflow, each) for each in (first, second)].count(True) == 1,
        "the end of one token",
        seconds=HEARD_SECONDS,
    )
    done = airflow.run("oidc", "tokens", "revoke", "--user", UMA, "--reason", "left", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert [each["kind"] for each in json.loads(done.stdout)["revoked"]] == ["personal"]
    wait_until(
        lambda: not any(is_accepted(airflow, each) for each in (first, second)),
        "the end of both tokens",
        seconds=HEARD_SECONDS,
    )
    assert uma.is_signed_in()
