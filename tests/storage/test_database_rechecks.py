"""What re-checks leave in a database, and what they cost it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.models import metadata, sessions
from airflow_oidc_auth.sessions.session import DueSession, Opening, Recheck
from tests.storage.fab import counted
from tests.storage.people import ADMIN, HOUR, NOW, VIEWER, open_session, sign_in

DUE = NOW + 300
SECRETS = ("access-of-ada", "a-claim-of-ada", "group-of-ada", "refresh-2")


@pytest.fixture
def store(database):
    return database.new_store()


def open_due(store, **said):
    identity = replace(sign_in().identity, groups=frozenset({"group-of-ada"}), claims={"a": "a-claim-of-ada"})
    signed_in = replace(sign_in(), identity=identity, access_token=Secret("access-of-ada"))
    opening = Opening(**said)
    return store.open(signed_in, ADMIN, now=NOW, expires_at=NOW + HOUR, client_address=None, opening=opening).session


def lease(store, session, owner="a" * 32):
    due = DueSession(session.id, session.provider, session.check_due_at, session.regrade_at)
    return store.take_lease(due, owner=owner, now=DUE, seconds=60)


def row_of(database, session):
    with database.database.connect() as connection:
        return connection.execute(select(sessions).where(sessions.c.id == session.id)).one()


def everything(database) -> str:
    with database.database.connect() as connection:
        return repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])


def test_claims_and_tokens_are_in_no_row_as_clear_text(database, store):
    session = open_due(store, check_due_at=DUE)
    leased = lease(store, session)
    tokens = HeldTokens(None, Secret("refresh-2"), Secret("access-of-ada"))
    store.settle_recheck(leased, Recheck(DUE, tokens=tokens, identity=leased.identity), now=DUE)
    stored = everything(database)
    assert not [secret for secret in SECRETS if secret in stored]
    assert not [secret for secret in SECRETS if secret in repr(leased)]


@pytest.mark.parametrize(
    ("said", "access_token", "claims"),
    [({}, False, False), ({"regrade_at": DUE}, False, True), ({"check_due_at": DUE}, True, True)],
)
def test_keeps_no_more_than_a_re_check_will_want(database, store, said, access_token, claims):
    row = row_of(database, open_due(store, **said))
    assert (row.access_token is not None, row.claims is not None) == (access_token, claims)


def test_an_ended_session_keeps_none_of_it_and_is_never_due(database, store):
    session = open_due(store, check_due_at=DUE, regrade_at=DUE)
    lease(store, session)
    store.end(session.id, reason="user_logout", now=NOW)
    row = row_of(database, session)
    assert (row.id_token, row.refresh_token, row.access_token, row.claims) == (None,) * 4
    assert (row.check_due_at, row.regrade_at, row.lease_until) == (None,) * 3
    assert store.due_sessions(now=DUE, active_since=0, limit=9, providers=("okta",)) == ()


def test_claims_moved_to_another_session_are_believed_of_nobody(database, store):
    victim, attacker = open_due(store, check_due_at=DUE), open_due(store, check_due_at=DUE)
    stolen = row_of(database, victim)
    with database.database.begin() as connection:
        mine = update(sessions).where(sessions.c.id == attacker.id)
        connection.execute(mine.values(claims=stolen.claims, refresh_token=stolen.refresh_token))
    leased = lease(store, attacker)
    assert leased.identity is None
    assert leased.tokens.refresh_token is None


def test_a_dropped_key_leaves_nothing_to_ask_with_and_nothing_to_judge(database, store):
    session = open_due(store, check_due_at=DUE)
    other_key = TokenCipher(Secret("YW5vdGhlciBrZXkgdGhhdCBpcyAzMiBieXRlcyBsb24="))
    other = DatabaseSessionStore(other_key, transactions=sessionmaker(database.database).begin)
    leased = lease(other, session)
    assert (leased.identity, leased.tokens) == (None, HeldTokens())


def test_a_tampered_grant_is_not_settled(database, store):
    session = open_due(store, check_due_at=DUE)
    with database.database.begin() as connection:
        connection.execute(update(sessions).values(grant_document='{"roles":["Op"],"teams":[],"matches":[]}'))
    assert lease(store, session) is None


def test_a_row_of_an_older_release_is_as_before(database, store):
    """It knows none of the new columns, and goes on opening sessions while servers are updated one by one."""
    session = open_session(store)
    old = {name: value for name, value in row_of(database, session)._mapping.items() if name in OLD_COLUMNS}
    with database.database.begin() as connection:
        connection.execute(insert(sessions).values({**old, "id": "O" * 22}))
    loaded = store.load("O" * 22, now=NOW)
    assert (loaded.grant, loaded.seen_at, loaded.check_due_at) == (ADMIN, None, None)
    assert store.idle_sessions(now=NOW, idle_since=NOW + 1, limit=9)
    store.touch({"O" * 22: NOW + 5})
    assert store.load("O" * 22, now=NOW).seen_at == NOW + 5
    assert store.end("O" * 22, reason="user_logout", now=NOW)


OLD_COLUMNS = {
    *("id", "principal_id", "provider", "name", "email", "grant_document", "grant_digest", "idp_sid"),
    *("client_address", "id_token", "refresh_token", "created_at", "expires_at", "ended_at", "end_reason"),
}


def test_a_re_check_without_news_costs_three_statements_and_never_the_principal(database, store):
    session = open_due(store, check_due_at=DUE)
    with counted(database.database) as statements:
        leased = lease(store, session)
        recheck = Recheck(DUE + 300, tokens=HeldTokens(None, Secret("refresh-2")), grant=ADMIN)
        store.settle_recheck(leased, recheck, now=DUE)
    assert len(statements) == 3, statements
    assert not any(statement.startswith("UPDATE oidc_auth_principal") for statement in statements)


def test_another_grant_costs_six_statements(database, store):
    session = open_due(store, check_due_at=DUE)
    with counted(database.database) as statements:
        store.settle_recheck(lease(store, session), Recheck(DUE + 300, grant=VIEWER), now=DUE)
    assert len(statements) == 6, statements


def test_activity_of_a_thousand_sessions_costs_two_statements(database, store):
    ids = [f"{number:022d}" for number in range(1_000)]
    with counted(database.database) as statements:
        store.touch(dict.fromkeys(ids, NOW))
    assert len(statements) == 2, statements


def test_ending_five_hundred_sessions_costs_four_statements(database, store):
    ids = [open_session(store, f"p{number}").id for number in range(20)]
    with counted(database.database) as statements:
        assert len(store.end_many(ids, reason="admin", now=NOW)) == 20
    assert len(statements) == 4, statements
