"""The migrations build exactly the tables of the models, and take them away again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Inspector, MetaData, inspect, text
from sqlalchemy.orm import Session, sessionmaker

from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.db_manager import OidcAuthDBManager
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.grant_document import dump_grant
from airflow_oidc_auth.sessions.models import metadata
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage.backends import KEYS
from tests.storage.people import NOW, open_session
from tests.storage.releases_kept import kept_releases, migrate
from tests.storage.tokens import make_token

VERSION_TABLE = OidcAuthDBManager.version_table_name


@pytest.fixture
def empty(engine: Engine) -> Engine:
    everything = MetaData()
    everything.reflect(engine)
    everything.drop_all(engine)
    return engine


def describe(engine: Engine) -> dict[str, object]:
    inspector: Inspector = inspect(engine)
    return {
        name: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], c.get("autoincrement")) for c in columns(inspector, name)
            ],
            "collations": collations(engine, name),
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": inspector.get_foreign_keys(name),
            "unique": inspector.get_unique_constraints(name),
            "indexes": sorted(inspector.get_indexes(name), key=lambda index: str(index["name"])),
        }
        for name in inspector.get_table_names()
        if name != VERSION_TABLE
    }


def columns(inspector: Inspector, table: str) -> list:
    return inspector.get_columns(table)


def collations(engine: Engine, table: str) -> list[tuple[str, str]]:
    if engine.dialect.name != "mysql":
        return []
    query = text(
        "SELECT column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = database() AND table_name = :name AND collation_name IS NOT NULL ORDER BY column_name"
    )
    with engine.connect() as connection:
        return [(row[0], row[1]) for row in connection.execute(query, {"name": table})]


def test_migrations_and_models_build_the_same_tables(empty):
    migrate(empty, command.upgrade, "head")
    migrated = describe(empty)
    with empty.connect() as connection:
        options = {
            "compare_type": True,
            "include_object": lambda _object, name, kind, *_: kind != "table" or name in metadata.tables,
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    migrate(empty, command.downgrade, "base")
    assert describe(empty) == {}
    metadata.create_all(empty)
    assert describe(empty) == migrated


def test_no_column_of_ours_folds_case_on_mariadb(engine_of):
    engine = engine_of("mariadb")
    metadata.drop_all(engine)
    metadata.create_all(engine)
    found = {collation for table in metadata.tables for _, collation in collations(engine, table)}
    assert found == {"ascii_bin", "utf8mb4_bin"}


def test_sqlite_never_hands_out_a_number_again_after_a_migration(engine_of):
    engine = engine_of("sqlite")
    migrate(engine, command.upgrade, "head")
    with engine.connect() as connection:
        created = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'oidc_auth_revocation'"))
        assert "AUTOINCREMENT" in created.scalar_one()


def test_migrating_down_and_up_again_works(empty):
    for _ in range(2):
        migrate(empty, command.upgrade, "head")
        assert set(describe(empty)) == set(metadata.tables)
        migrate(empty, command.downgrade, "base")
        assert describe(empty) == {}


OLD_COLUMNS = (
    *("id", "principal_id", "provider", "name", "email", "grant_document", "grant_digest"),
    *("created_at", "expires_at"),
)


@pytest.mark.parametrize("revision", [release.revision for release in kept_releases()[:-1]])
def test_a_session_of_an_older_release_survives_the_way_up_and_down(empty, revision):
    migrate(empty, command.upgrade, revision)
    session = insert_as_an_older_release(empty)
    for action, to in ((command.upgrade, "head"), (command.downgrade, revision), (command.upgrade, "head")):
        migrate(empty, action, to)
        with empty.connect() as connection:
            stored = connection.execute(text("SELECT id, ended_at FROM oidc_auth_session")).all()
        assert stored == [(session.id, None)]
    store = DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(empty).begin)
    assert store.load(session.id, now=NOW) == replace(session, seen_at=None, client_address=None)
    assert store.due_sessions(now=NOW + 99, active_since=0, limit=9, providers=("okta",)) == ()
    assert store.end(session.id, reason="user_logout", now=NOW)


def test_a_downgrade_ends_tokens_which_the_older_release_would_take_for_sign_ins(empty):
    """It would end them as idle, count them, and know nothing of their scope and their key."""
    migrate(empty, command.upgrade, "head")
    store = DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(empty).begin)
    owner = open_session(store)
    token = make_token(store, owner, scope=("Admin",), jkt="k" * 43)
    migrate(empty, command.downgrade, "7d05c1e8a4b6")
    with empty.connect() as connection:
        live = "SELECT id FROM oidc_auth_session WHERE ended_at IS NULL AND expires_at > 0"
        assert connection.execute(text(live)).scalars().all() == [owner.id]
    migrate(empty, command.upgrade, "head")
    assert store.load(token.id, now=NOW) is None
    assert store.load(owner.id, now=NOW)


def test_a_session_that_an_older_release_opens_meanwhile_is_a_browsers(empty):
    migrate(empty, command.upgrade, "head")
    store = DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(empty).begin)
    session = store.load(insert_as_an_older_release(empty).id, now=NOW)
    assert (session.kind, session.is_token, session.scope, session.verify_by) == ("browser", False, None, None)
    assert store.idle_sessions(now=NOW, idle_since=NOW + 1, limit=9) == [session.id]
    assert make_token(store, session).id in [each.id for each in store.list_tokens(now=NOW)]


def insert_as_an_older_release(engine: Engine):
    """Open a session as a release did that knows the first columns only; without tokens."""
    session = open_session(MemorySessionStore())
    values = {
        **{name: getattr(session, name) for name in OLD_COLUMNS if name != "grant_document"},
        "grant_document": dump_grant(session.grant),
    }
    principal = {
        **{name: getattr(session, name) for name in ("issuer", "subject", "name", "email", "created_at")},
        "id": session.principal_id,
        "signed_in_at": session.created_at,
        "roles": "[]",
    }
    with engine.begin() as connection:
        for table, row in (("oidc_auth_principal", principal), ("oidc_auth_session", values)):
            names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)
    return session


def test_the_head_is_named_for_this_release():
    from airflow_oidc_auth import __version__

    with Session() as session:
        (head,) = OidcAuthDBManager(session).get_script_object().get_heads()
    assert OidcAuthDBManager.revision_heads_map
    assert head in OidcAuthDBManager.revision_heads_map.values()
    assert __version__.partition(".dev")[0] >= max(OidcAuthDBManager.revision_heads_map)
