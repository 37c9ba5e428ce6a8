"""With Airflow's own commands, engine and transactions."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time

from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.models import metadata
from tests.storage.airflow_database import DB_MANAGER, migrate_own_database, run_airflow
from tests.storage.backends import KEYS
from tests.storage.people import ADMIN, sign_in

TABLES = {table.name for table in metadata.sorted_tables}


def copy_database(source, target) -> None:
    """Copy what is committed, also what still lies in the write-ahead log."""
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
        old.backup(new)


def our_tables(home) -> set[str]:
    connection = sqlite3.connect(home / "airflow.db")
    try:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'oidc_auth_%'")}
    finally:
        connection.close()


def version(home) -> list[str]:
    connection = sqlite3.connect(home / "airflow.db")
    try:
        return [row[0] for row in connection.execute("SELECT version_num FROM alembic_version_oidc_auth")]
    finally:
        connection.close()


def test_airflow_db_migrate_creates_our_tables_and_downgrade_takes_them_away(airflow_home, tmp_path):
    migrate_own_database()
    copy_database(airflow_home / "airflow.db", tmp_path / "airflow.db")
    assert our_tables(tmp_path) == TABLES
    head = version(tmp_path)
    assert len(head) == 1
    run_airflow("db-manager", "downgrade", DB_MANAGER, "--to-revision", "base", "--yes", home=tmp_path)
    assert (our_tables(tmp_path), version(tmp_path)) == (set(), [])
    run_airflow("db", "migrate", home=tmp_path)
    assert (our_tables(tmp_path), version(tmp_path)) == (TABLES, head)


def test_sessions_live_in_airflows_own_database():
    migrate_own_database()
    live = LiveSessions(DatabaseSessionStore(TokenCipher(KEYS)))
    other = LiveSessions(DatabaseSessionStore(TokenCipher(KEYS)))

    async def scene() -> None:
        end = int(time.time()) + 100
        session = (await live.open(sign_in(), ADMIN, expires_at=end, client_address=None)).session
        assert await other.load(session.id) == session
        assert await live.end(session.id, reason="user_logout") is not None
        other.feed.poll()
        assert other.peek(session.id) is None

    try:
        asyncio.run(scene())
    finally:
        live.stop()
        other.stop()
