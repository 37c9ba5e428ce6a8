from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.models.dag import DagModel
from airflow.models.log import Log
from airflow.models.team import dag_bundle_team_association_table
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.cli import fab_access, migration, session_access
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.models import metadata
from tests.storage.backends import build_engine, database_backend
from tests.storage.fab import FabDatabase, fab_database
from tests.unit.cli.office_database import OfficeDatabase
from tests.unit.cli.rights_desk import DOCUMENT, TABLES, RightsDesk
from tests.unit.cli.running import Oidc
from tests.unit.fab.providers import document


@pytest.fixture
def oidc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Oidc:
    """The commands, in an empty directory and on a wide terminal; the test process's own database is asked nothing."""
    monkeypatch.setattr(migration, "missing_tables", lambda: iter(()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return Oidc(capsys)


@pytest.fixture
def fab_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FabDatabase]:
    """A metadata database with FAB's tables, which the commands use, and people from Okta."""
    engine = build_engine(f"sqlite:///{tmp_path / 'airflow.db'}")
    database = fab_database(engine)
    Log.metadata.create_all(engine, [Log.__table__])
    monkeypatch.setattr(fab_access, "airflow_transactions", database.transactions)
    path = tmp_path / "oidc_auth.yaml"
    path.write_text(document("okta"), encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(path))
    yield database
    engine.dispose()


@pytest.fixture
def no_fab_tables(fab_users: FabDatabase) -> None:
    """The metadata database of an Airflow that never had FAB."""
    fab_users.tables.users.metadata.drop_all(fab_users.engine)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OfficeDatabase]:
    """A metadata database with sessions, which the commands use."""
    engine = build_engine(f"sqlite:///{tmp_path / 'airflow.db'}")
    backend = database_backend("sqlite", engine, keys=Secret(os.environ["AIRFLOW__CORE__FERNET_KEY"]))
    Log.metadata.create_all(engine, [Log.__table__])
    transactions = sessionmaker(engine).begin
    monkeypatch.setattr(session_access, "airflow_transactions", transactions)
    path = tmp_path / "oidc_auth.yaml"
    path.write_text(document("okta"), encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(path))
    yield OfficeDatabase(backend.new_store(), transactions, path)
    engine.dispose()


@pytest.fixture(scope="session")
def empty_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables that the desk needs, made once."""
    path = tmp_path_factory.mktemp("desk") / "airflow.db"
    engine = build_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    DagModel.metadata.create_all(engine, [*(each.__table__ for each in TABLES), dag_bundle_team_association_table])
    engine.dispose()
    return path


@pytest.fixture
def desk(empty_desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RightsDesk]:
    """People, and things that they may or may not do something with."""
    engine = build_engine(f"sqlite:///{shutil.copy(empty_desk, tmp_path / 'airflow.db')}")
    transactions = sessionmaker(engine).begin
    monkeypatch.setattr(session_access, "airflow_transactions", transactions)
    path = tmp_path / "oidc_auth.yaml"
    path.write_text(DOCUMENT, encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(path))
    cipher = TokenCipher(Secret(os.environ["AIRFLOW__CORE__FERNET_KEY"]))
    yield RightsDesk(DatabaseSessionStore(cipher, transactions=transactions), engine, path)
    engine.dispose()
