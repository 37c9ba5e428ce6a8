"""Tokens of programs end within seconds of what the identity provider says of their owner at a re-check."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace

import jwt
import pytest

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.sessions.session import DueSession, Recheck
from airflow_oidc_auth.testing.users import FakeUser
from tests.contract.bearer import call, engine_of, token_of
from tests.contract.rechecks import recheck_now, session_id_of
from tests.contract.test_token_endpoint import exchange, made
from tests.e2e.processes import wait_until

DAGS, VARIABLES = "/api/v2/dags", "/api/v2/variables"
SECONDS = 5


@pytest.fixture
def leaver(server) -> Iterator[str]:
    """Somebody of their own: what is issued in the second of a revocation counts no more, in the next test neither."""
    people = server.idp.users
    subject = f"leaver-{secrets.token_hex(4)}"
    person = FakeUser(subject, name="Lea", email=f"{subject}@example.com", groups=("ops", "viewers"))
    server.idp.users = [*people, person]
    yield subject
    server.idp.users = people


def give(server, subject: str, *groups: str) -> None:
    """Change what the identity provider says of somebody."""
    server.idp.users = [replace(each, groups=groups) if each.subject == subject else each for each in server.idp.users]


def personal(browser) -> str:
    return browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]


def session_of(token: str) -> str:
    return jwt.decode(token, options={"verify_signature": False})["sid"]


def wait_for(server, status: int, *tokens: str, path: str = DAGS) -> None:
    """Expect the answer within five seconds."""
    began = time.monotonic()
    wait_until(lambda: {call(server, each, path).status_code for each in tokens} == {status}, f"{status} for {path}")
    assert time.monotonic() - began < SECONDS


def test_tokens_die_when_their_owner_is_found_disabled(server, leaver, audit_rows):
    browser = server.sign_in(leaver)
    tokens = [personal(browser), made(exchange(server, token_of(server, leaver)))]
    assert {call(server, each, DAGS).status_code for each in tokens} == {200}
    server.idp.disable(leaver)
    try:
        recheck_now(server, session_id_of(server, browser))
        wait_for(server, 401, *tokens)
    finally:
        server.idp.enable(leaver)
    ends = {row["session_ref"]: row for row in audit_rows(20) if row["event"] == "auth.session_ended"}
    for token, kind in zip(tokens, ("personal", "exchanged"), strict=True):
        row = ends[session_of(token)[:8]]
        assert (row["kind"], row["reason"]) == (kind, "session_refused_by_provider")


def test_a_token_is_made_of_what_its_owner_has_not_of_what_this_server_remembers(server, leaver):
    """Another server has just heard that a role is gone: for a second it could be saved into a token, for a day."""
    browser = server.sign_in(leaver)
    live = engine_of(server).live
    session = live.peek(session_id_of(server, browser))
    assert set(session.grant.roles) == {"Op", "Viewer"}
    with live.feed._polling:
        due = DueSession(session.id, session.provider, session.check_due_at, session.regrade_at)
        leased = live.store.take_lease(due, owner=secrets.token_hex(16), now=int(time.time()), seconds=60)
        left = Recheck(session.check_due_at, grant=Grant(("Viewer",), matches=session.grant.matches[1:]))
        assert live.store.settle_recheck(leased, left, now=int(time.time())).changed
        token = personal(browser)
    assert live.store.load(session_of(token), now=int(time.time())).grant.roles == ("Viewer",)


def test_a_token_dies_with_the_role_that_it_needs_and_others_lose_just_that(server, leaver, audit_rows):
    browser = server.sign_in(leaver)
    following = personal(browser)
    both = token_of(server, leaver, claims={"groups": ["ops", "viewers"]})
    needing, looking = (made(exchange(server, both, scope=scope)) for scope in ("Op", "Viewer"))
    assert {call(server, each, VARIABLES).status_code for each in (following, needing)} == {200}
    give(server, leaver, "viewers")
    recheck_now(server, session_id_of(server, browser))
    wait_for(server, 401, needing)
    wait_for(server, 403, following, looking, path=VARIABLES)
    wait_for(server, 200, following, looking)
    ended = next(row for row in audit_rows(20) if row.get("session_ref") == session_of(needing)[:8])
    assert (ended["event"], ended["reason"]) == ("auth.session_ended", "token_roles_lost")
