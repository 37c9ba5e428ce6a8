"""What a sign-in may cost: statements to the database and calls to the IdP, counted, never timed.

The bounds are those promised for FAB mode. ``python -m benchmarks sign-in`` counts stock FAB's callback beside ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from airflow_oidc_auth.testing.users import FakeUser
from tests.contract.statements import counted

MOST_STATEMENTS = 18
MOST_FOR_A_RETURNING_PERSON = 12
MOST_CALLS = 2


@dataclass(frozen=True)
class Cost:
    """What one callback asked for.

    :param calls: paths that the server asked at the IdP
    """

    statements: list[str]
    calls: list[str]


@pytest.fixture
def newcomer(server) -> Iterator[str]:
    """The subject of somebody who was never here; the provider is warm, because somebody else was."""
    server.sign_in("vic")
    before, subject = server.idp.users, f"new-{secrets.token_hex(4)}"
    server.idp.users = (*before, FakeUser(subject, "Nell", f"{subject}@example.com", ("viewers", "users")))
    yield subject
    server.idp.users = before


def callback(server, subject: str) -> Cost:
    """Sign in; count only what happens when the IdP sends the browser back."""
    browser = server.client()
    parameters = server.idp.sign_in(server.begin(browser), subject)
    already = len(server.idp.requests)
    with counted() as statements:
        answer = browser.get("/auth/callback/oidc", params=parameters)
    assert answer.status_code == 303, answer.text
    assert browser.get("/ui/auth/me").status_code == 200
    return Cost(statements, [request.path for request in server.idp.requests[already:]])


def test_a_first_sign_in_asks_no_more_than_promised(server, newcomer):
    cost = callback(server, newcomer)
    # A counter that hears nothing would praise everything.
    assert any(statement.startswith("INSERT INTO oidc_auth_session") for statement in cost.statements)
    assert len(cost.statements) <= MOST_STATEMENTS, cost.statements
    assert "/token" in cost.calls
    assert len(cost.calls) <= MOST_CALLS, cost.calls


def test_a_returning_person_costs_less_than_a_new_one_may(server, newcomer):
    callback(server, newcomer)
    cost = callback(server, newcomer)
    assert 0 < len(cost.statements) <= MOST_FOR_A_RETURNING_PERSON, cost.statements
    assert 0 < len(cost.calls) <= MOST_CALLS, cost.calls


def test_more_groups_cost_no_more_statements(server, newcomer):
    first = callback(server, newcomer)
    people = server.idp.users
    many = ("viewers", "users", "ops", *(f"team-{number}" for number in range(300)))
    server.idp.users = (*people, FakeUser(f"{newcomer}-many", "Mo", f"{newcomer}-many@example.com", many))
    assert len(callback(server, f"{newcomer}-many").statements) <= len(first.statements)
