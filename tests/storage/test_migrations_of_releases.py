"""Every earlier release: its people stay signed in, it can be gone back to, and it runs on the tables of this one.

Some of them on SQLite here; ``make proof`` takes all, on PostgreSQL and MariaDB too (``OIDC_AUTH_PROOF=1``).
"""

from __future__ import annotations

import os
import shutil

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, inspect
from sqlalchemy.orm import Session, sessionmaker

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.db_manager import OidcAuthDBManager
from airflow_oidc_auth.sessions.fernet import TokenCipher
from tests.storage.backends import KEYS
from tests.storage.people import NOW, open_session
from tests.storage.releases_kept import Release, expected, insert, kept_releases, migrate, read

ALL = kept_releases()
HEAD = ALL[-1].revision
OLD_SESSIONS = {release.revision for release in ALL if release.name < "0006"}
PROOF = bool(os.environ.get("OIDC_AUTH_PROOF"))
DATABASES = ("sqlite", "postgresql", "mariadb") if PROOF else ("sqlite",)
# The first, the last that knew no tokens, the one before this, and this.
CHOSEN = ALL if PROOF else [ALL[0], ALL[4], *ALL[-2:]]


@pytest.fixture(params=DATABASES)
def empty(request: pytest.FixtureRequest, engine_of) -> Engine:
    engine = engine_of(request.param)
    everything = MetaData()
    everything.reflect(engine)
    everything.drop_all(engine)
    return engine


@pytest.fixture(params=CHOSEN, ids=lambda release: release.name)
def release(request: pytest.FixtureRequest) -> Release:
    return request.param


@pytest.fixture
def left(empty: Engine, release: Release) -> Engine:
    """The database as the release left it."""
    migrate(empty, command.upgrade, release.revision)
    insert(empty, release)
    return empty


def store_of(engine: Engine) -> DatabaseSessionStore:
    return DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(engine).begin)


def assert_goes_on(engine: Engine, release: Release) -> None:
    """Who was signed in is, who was not is not, and both can be changed."""
    store = store_of(engine)
    ada = store.load(release.live["ada"], now=NOW + 1)
    assert (ada.name, ada.grant.roles, ada.is_token) == ("Ada Lovelace", ("Admin",), False)
    assert store.load(release.ended, now=NOW + 1) is None
    assert store.end(ada.id, reason="user_logout", now=NOW + 1)
    assert store.load(ada.id, now=NOW + 2) is None
    again = open_session(store, now=NOW + 2)
    assert again.principal_id == ada.principal_id
    assert store.load(again.id, now=NOW + 3) == again


def test_there_is_a_kept_release_for_every_revision() -> None:
    """A new migration needs one: see ``releases/write_release.py``."""
    with Session() as session:
        script = OidcAuthDBManager(session).get_script_object()
    assert [release.revision for release in ALL] == [each.revision for each in script.walk_revisions()][::-1]


def test_a_migration_keeps_every_row_and_everybody_signed_in(left: Engine, release: Release) -> None:
    migrate(left, command.upgrade, "head")
    assert read(left, release) == expected(release)
    assert_goes_on(left, release)


def test_a_migration_keeps_tokens_of_programs(left: Engine, release: Release) -> None:
    migrate(left, command.upgrade, "head")
    loaded = [store_of(left).load(token, now=NOW + 1) for token in release.tokens]
    # Those of people with teams, whose meaning has changed since: they end, as the change log says.
    assert all(token is None or token.scope == ("Viewer",) for token in loaded)
    assert (loaded[-1:] and loaded[-1] is not None) or release.revision != HEAD


def test_a_release_can_be_gone_back_to_and_forward_again(left: Engine, release: Release) -> None:
    migrate(left, command.upgrade, "head")
    migrate(left, command.downgrade, release.revision)
    assert read(left, release) == expected(release)
    migrate(left, command.upgrade, "head")
    assert_goes_on(left, release)


def test_every_release_can_be_gone_back_to_from_this_one(empty: Engine, release: Release) -> None:
    newest = ALL[-1]
    migrate(empty, command.upgrade, "head")
    insert(empty, newest)
    migrate(empty, command.downgrade, release.revision)
    tables = set(inspect(empty).get_table_names()) - {OidcAuthDBManager.version_table_name}
    assert tables == set(release.tables)
    migrate(empty, command.upgrade, "head")
    assert_goes_on(empty, newest)


def test_what_an_older_release_writes_into_the_tables_of_this_one_is_read(empty: Engine, release: Release) -> None:
    """Both run side by side while an update is rolled out, or the older one was rolled back to."""
    migrate(empty, command.upgrade, "head")
    insert(empty, release)
    assert read(empty, release) == expected(release)
    assert_goes_on(empty, release)


def test_this_release_on_older_tables_lets_somebody_in_or_says_what_to_run(left: Engine, release: Release) -> None:
    store = store_of(left)
    refused: list[SessionError] = []
    for action in (lambda: store.load(release.live["ada"], now=NOW + 1), lambda: open_session(store, "eve")):
        try:
            action()
        except SessionError as error:
            refused.append(error)
    assert {(error.code, "airflow db migrate" in (error.hint or "")) for error in refused} <= {
        ("session_store_unavailable", True)
    }
    # Where tables of sessions are old, no session is believed, whether or not one could be written.
    assert bool(refused) == (release.revision in OLD_SESSIONS)


def manager_of(release: Release, session: Session, folder) -> OidcAuthDBManager:
    """Return the DB manager of an older release: it knows its own migrations only."""
    older = shutil.copytree(OidcAuthDBManager.migration_dir, folder / "migrations")
    for path in (older / "versions").glob("0*.py"):
        if path.name[:4] > release.name:
            path.unlink()
    manager = OidcAuthDBManager(session)
    manager.migration_dir = older.as_posix()
    assert ScriptDirectory.from_config(manager.get_alembic_config()).get_heads() == [release.revision]
    return manager


def test_a_release_that_was_rolled_back_starts_and_leaves_the_newer_tables_alone(
    empty: Engine, release: Release, tmp_path, caplog
) -> None:
    """``airflow db check-migrations`` would wait for ever and ``airflow db migrate`` fail, and pods begin with them."""
    migrate(empty, command.upgrade, "head")
    with Session(empty) as session:
        manager = manager_of(release, session, tmp_path)
        assert manager.check_migration()
        assert manager.is_ahead() == (release.revision != HEAD)
        if manager.is_ahead():
            manager.initdb()
            assert "a newer release has migrated" in caplog.text
        assert manager.get_current_revision() == HEAD


def test_a_release_on_older_tables_waits_for_its_migration(left: Engine, release: Release) -> None:
    with Session(left) as session:
        manager = OidcAuthDBManager(session)
        assert not manager.is_ahead()
        assert manager.check_migration() == (release.revision == HEAD)


def test_migrations_only_add_what_may_be_empty(empty: Engine) -> None:
    """Otherwise an older release could not write any more, side by side with this one or rolled back to."""
    known: dict[str, dict[str, dict]] = {}
    for release in ALL:
        migrate(empty, command.upgrade, release.revision)
        inspector = inspect(empty)
        tables = {name: {column["name"]: column for column in inspector.get_columns(name)} for name in release.tables}
        for name, columns in known.items():
            assert columns.keys() <= tables[name].keys()
            assert all(str(columns[each]["type"]) == str(tables[name][each]["type"]) for each in columns)
            added = tables[name].keys() - columns.keys()
            assert [each for each in added if not tables[name][each]["nullable"]] == []
        known = tables
