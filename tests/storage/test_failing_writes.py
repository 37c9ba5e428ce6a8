"""A database that answers, but takes no writes: no room left, or read-only as a replica is."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event, text

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.database_errors import store_unavailable
from tests.storage.backends import Backend, database_backend
from tests.storage.people import NOW, open_session

READ_ONLY = {
    "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
}


@contextlib.contextmanager
def read_only(engine: Engine) -> Iterator[None]:
    """Let every connection of the engine be one that may not write, for a while."""
    forbid, allow = READ_ONLY["mysql" if engine.dialect.name == "mariadb" else engine.dialect.name]

    def close(connection, *_: object) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(forbid)
        if engine.dialect.name == "postgresql":
            connection.commit()

    event.listen(engine, "checkout", close)
    try:
        yield
    finally:
        event.remove(engine, "checkout", close)
        with engine.connect() as connection:
            connection.execute(text(allow))
        engine.dispose()


def test_a_read_only_database_lets_people_carry_on_and_nobody_in(database: Backend):
    store = database.new_store()
    session = open_session(store)
    with read_only(database.database):
        assert store.load(session.id, now=NOW) == session
        assert store.revocations(after=0, now=NOW) == ()
        for write in (lambda: open_session(store, "newcomer"), lambda: store.end(session.id, reason="x", now=NOW)):
            with pytest.raises(SessionError) as caught:
                write()
            assert caught.value.code == "session_store_unavailable"
            assert "read-only" in caught.value.hint
    assert [each.id for each in store.list_sessions(now=NOW)] == [session.id], "something was half written"
    assert open_session(store, "newcomer")


@pytest.fixture
def small(engine_of) -> DatabaseSessionStore:
    """A store on SQLite that may not grow: the way to fill a disk without one."""
    backend = database_backend("sqlite", engine_of("sqlite"))

    def limit(connection, *_: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(backend.database, "checkout", limit)
    store = backend.new_store()
    assert isinstance(store, DatabaseSessionStore)
    return store


def test_a_full_disk_refuses_the_sign_in_and_leaves_nothing_of_it_behind(small):
    first, people = open_session(small), iter(range(500))
    with pytest.raises(SessionError) as caught:
        collections.deque((open_session(small, f"person-{number}") for number in people), maxlen=0)
    assert caught.value.code == "session_store_unavailable"
    assert "no room" in caught.value.hint
    assert small.load(first.id, now=NOW) == first
    assert len(small.list_sessions(now=NOW)) == next(people), "the refused one left a session, or a good one is lost"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ('could not extend file "pg_tblspc/1/2": No space left on device', "no room"),
        ("(1114, \"The table 'log' is full\")", "no room"),
        ("database or disk is full", "no room"),
        ("cannot execute INSERT in a read-only transaction", "read-only"),
        ("attempt to write a readonly database", "read-only"),
        ("(1054, \"Unknown column 'kind' in 'field list'\")", "airflow db migrate"),
        ("table oidc_auth_session has no column named kind", "airflow db migrate"),
    ],
)
def test_what_databases_say_becomes_what_the_operator_can_do(said, hint):
    from sqlalchemy.exc import OperationalError

    assert hint in str(store_unavailable(OperationalError("INSERT", {}, Exception(said))).hint)
