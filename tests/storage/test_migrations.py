"""The migrations build exactly the tables of the models, and take them away again."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Inspector, MetaData, inspect, text
from sqlalchemy.orm import Session, sessionmaker

from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.db_manager import OidcAuthDBManager
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.models import metadata
from tests.storage.backends import KEYS
from tests.storage.people import NOW, open_session

VERSION_TABLE = OidcAuthDBManager.version_table_name


@pytest.fixture
def empty(engine: Engine) -> Engine:
    everything = MetaData()
    everything.reflect(engine)
    everything.drop_all(engine)
    return engine


def migrate(engine: Engine, action, revision: str) -> None:
    with Session(engine) as session:
        config = OidcAuthDBManager(session).get_alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        action(config, revision)


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


def test_adding_and_dropping_the_links_leaves_sessions_alone(empty):
    migrate(empty, command.upgrade, "4c1d0e7a9b35")
    assert "oidc_auth_fab_user" not in describe(empty)
    session = open_session(DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(empty).begin))
    for action, revision in ((command.upgrade, "head"), (command.downgrade, "-1"), (command.upgrade, "head")):
        migrate(empty, action, revision)
        store = DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(empty).begin)
        assert store.load(session.id, now=NOW) == session
    assert "oidc_auth_fab_user" in describe(empty)


def test_the_head_is_named_for_this_release():
    from airflow_oidc_auth import __version__

    with Session() as session:
        (head,) = OidcAuthDBManager(session).get_script_object().get_heads()
    assert OidcAuthDBManager.revision_heads_map
    assert head in OidcAuthDBManager.revision_heads_map.values()
    assert __version__.partition(".dev")[0] >= max(OidcAuthDBManager.revision_heads_map)
