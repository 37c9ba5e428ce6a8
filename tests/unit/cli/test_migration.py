"""Whether ``airflow oidc check`` notices that nobody ran ``airflow db migrate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.cli import migration
from airflow_oidc_auth.cli.migration import missing_tables
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.sessions.models import fab_users, metadata
from tests.storage.backends import build_engine
from tests.unit.cli.running import Oidc


def test_tables_that_are_missing_are_named_with_the_command_that_makes_them(tmp_path: Path) -> None:
    engine = build_engine(f"sqlite:///{tmp_path / 'airflow.db'}")
    ask = sessionmaker(engine).begin
    metadata.create_all(engine)
    assert list(missing_tables(ask)) == []
    fab_users.drop(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX idx_oidc_auth_session_check_due_at"))
        connection.execute(text("ALTER TABLE oidc_auth_session DROP COLUMN check_due_at"))
    (found,) = missing_tables(ask)
    assert found.text == "has no oidc_auth_fab_user, oidc_auth_session.check_due_at: nobody can sign in"
    assert "airflow db migrate" in found.suggestion
    engine.dispose()


def test_a_database_that_cannot_be_asked_is_passed_over(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    assert list(missing_tables(sessionmaker(engine).begin)) == []


def test_check_tells_it_and_offline_does_not_ask(oidc: Oidc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "missing_tables", lambda: iter([Problem("metadata database", "has no tables")]))
    assert "metadata database: has no tables" in oidc("check").out
    assert "metadata database" not in oidc("check", "--offline").out
