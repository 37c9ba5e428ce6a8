"""A role that was given for a time stops at the request, in both auth managers, whatever re-checks do meanwhile."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, RuleMatch, StepUp
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.sessions.grant_document import dump_grant
from tests.contract.test_sessions_and_tokens import manager_of
from tests.contract.test_sessions_follow_the_idp import wait_until

NEEDS = Needs(within=60)
VIEWER = RuleMatch("all", "grants.rules[1]", ("Viewer",))
CONFIG = "/api/v2/connections"


def timed(until: int) -> Grant:
    admin = RuleMatch("admins", "grants.rules[0]", ("Admin",), needs=NEEDS, until=until)
    return Grant(("Admin", "Viewer"), matches=(admin, VIEWER), until=until)


def hold(server, browser, grant: Grant) -> None:
    """Let the browser's session have this Grant, in the store and in the server's memory."""
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from airflow_oidc_auth.sessions.models import sessions

    live = manager_of(server).engine.live
    session = replace(live.peek(session_id(browser)), grant=grant, grant_digest=grant_digest(grant))
    stored = {"grant_document": dump_grant(grant), "grant_digest": session.grant_digest}
    with create_session(scoped=False) as transaction:
        transaction.execute(update(sessions).where(sessions.c.id == session.id).values(stored))
    live._cache.put(session)


def session_id(browser) -> str:
    import jwt

    return jwt.decode(browser.cookies["_token"], options={"verify_signature": False})["sid"]


def allow_viewer(server) -> None:
    """Give FAB's user the role that stays; ours need nothing."""
    if server.mode == "fab":
        from airflow.utils.session import create_session
        from sqlalchemy import insert, select

        from airflow_oidc_auth.fab.tables import fab_tables

        tables = fab_tables()
        with create_session(scoped=False) as session:
            user = session.scalar(select(tables.users.c.id).where(tables.users.c.username == server.name_of("ada")))
            role = session.scalar(select(tables.roles.c.id).where(tables.roles.c.name == "Viewer"))
            known = select(tables.user_roles.c.id).where(
                tables.user_roles.c.user_id == user, tables.user_roles.c.role_id == role
            )
            if session.execute(known).first() is None:
                session.execute(insert(tables.user_roles).values(user_id=user, role_id=role))


@pytest.fixture
def browser(server):
    browser = server.sign_in("ada")
    allow_viewer(server)
    return browser


def test_the_role_counts_until_its_end_and_not_after(server, browser):
    hold(server, browser, timed(int(time.time()) + 60))
    assert browser.get(CONFIG).status_code == 200
    hold(server, browser, timed(int(time.time()) - 1))
    assert browser.get(CONFIG).status_code == 403
    assert browser.get("/ui/auth/me").status_code == 200, "the session goes on with what is left"
    page = browser.get("/auth/access").text
    assert "More after authenticating again" in page


def test_a_role_of_another_session_of_the_person_does_not_count_here(server, browser):
    """In FAB the user has the role; this session did not step up for it."""
    step_up = StepUp("admins", "grants.rules[0]", ("Admin",), NEEDS, ("within",))
    hold(server, browser, Grant(("Viewer",), matches=(VIEWER,), step_ups=(step_up,)))
    assert browser.get(CONFIG).status_code == 403


def test_a_token_made_while_the_role_counted_is_worth_no_more_than_the_session(server, browser):
    hold(server, browser, timed(int(time.time()) + 5))
    token = browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert server.client().get(CONFIG, headers=bearer).status_code == 200
    wait_until(lambda: server.client().get(CONFIG, headers=bearer).status_code == 403)


def test_whoever_has_no_role_left_is_nobody(server, browser):
    until = int(time.time()) - 1
    admin = RuleMatch("admins", "grants.rules[0]", ("Admin",), needs=NEEDS, until=until)
    hold(server, browser, Grant(("Admin",), matches=(admin,), until=until))
    assert browser.get("/ui/auth/me").status_code == 401
