from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.airflow_database import run_airflow
from tests.storage.people import open_session
from tests.unit.cli.office_database import OfficeDatabase
from tests.unit.cli.running import Oidc


def test_clean_deletes_what_has_expired_and_nothing_else(oidc: Oidc, office: OfficeDatabase) -> None:
    live = office.open()
    open_session(office.store, "old", now=int(time.time()) - 100, lifetime=50)
    assert oidc("db", "clean", "--dry-run").out == "Would delete 1 row.\n"
    assert oidc("db", "clean", "--dry-run", "--json").data["deleted"] == 0
    assert oidc("db", "clean").out == "Deleted 1 row.\n"
    assert oidc("db", "clean", "--json").data == {"exit_code": 0, "deleted": 0, "expired": 0, "dry_run": False}
    assert office.lives(live)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An Airflow of its own, empty: migrations need processes, Airflow's engine is one per process."""
    return tmp_path_factory.mktemp("airflow")


@pytest.mark.timeout(300)
def test_migrate_and_downgrade_reach_our_tables(home: Path) -> None:
    def oidc_db(*arguments: str) -> str:
        return run_airflow("oidc", "db", *arguments, home=home)

    assert "revision none to 5b90d7e3a1f4" in oidc_db("migrate")
    assert "Nothing to do: the tables are at revision 5b90d7e3a1f4." in oidc_db("migrate")
    assert "from revision 5b90d7e3a1f4 to c84f2b9d6e17" in oidc_db("downgrade", "--to-revision", "-1", "--yes")
    assert "CREATE TABLE oidc_auth_audit_statement" in oidc_db("migrate", "--show-sql-only")
    assert "to 5b90d7e3a1f4" in oidc_db("migrate", "--json").replace('"after": "', "to ")


def test_sql_is_not_json(oidc: Oidc) -> None:
    failed = oidc("db", "migrate", "--show-sql-only", "--json")
    assert (failed.code, "not JSON" in failed.out) == (1, True)


def test_a_downgrade_asks_first(oidc: Oidc) -> None:
    failed = oidc("db", "downgrade", "--to-revision", "base")
    assert (failed.code, "add --yes" in failed.err) == (1, True)
