"""A metadata database as ``airflow db migrate`` makes it, in the home of this test process."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

DB_MANAGER = "airflow_oidc_auth.sessions.db_manager.OidcAuthDBManager"


def run_airflow(*arguments: str, home: Path | None = None) -> str:
    """Run an ``airflow`` command as its own process and return what it printed."""
    environment = {**os.environ, "AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS": DB_MANAGER, "PYTHONPATH": str(Path.cwd())}
    if home is not None:
        database = f"sqlite:///{home / 'airflow.db'}"
        environment |= {"AIRFLOW_HOME": str(home), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database}
    command = [sys.executable, "-m", "airflow", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"airflow {' '.join(arguments)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr


@cache
def migrate_own_database() -> None:
    """Run ``airflow db migrate`` once for the home of this process."""
    from airflow import settings

    # Airflow reads its configuration at import: if that came before tests/conftest.py, it uses the developer's own.
    meant = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert meant == settings.SQL_ALCHEMY_CONN, "airflow was imported before its home was set"
    run_airflow("db", "migrate")
