"""A real Airflow: its own home, its own SQLite database, an api-server as its own process."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tests.conftest import FERNET_KEY, JWT_SECRET
from tests.e2e.processes import Server, free_port
from tests.made_once import made_once

ROOT = Path(__file__).resolve().parents[2]
MIGRATE_SECONDS = 120


class Airflow:
    """One deployment.

    :param home: becomes AIRFLOW_HOME
    :param base_path: where it lives below the host, such as ``/airflow``
    """

    def __init__(self, home: Path, base_path: str = "") -> None:
        self.home = home
        self.port = free_port()
        self.base_url = f"http://localhost:{self.port}{base_path}"
        home.mkdir(parents=True, exist_ok=True)
        self.document = home / "oidc_auth.yaml"
        self._servers: list[Server] = []

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment of every component."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        own = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__BASE_URL": self.base_url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": JWT_SECRET,
            "AIRFLOW__CORE__AUTH_MANAGER": "airflow_oidc_auth.OidcAuthManager",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "examples" / "demo" / "dags"),
            "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "AIRFLOW__OIDC_AUTH__CONFIG_FILE": str(self.document),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
            "NO_PROXY": "localhost,127.0.0.1",
            "PYTHONPATH": str(ROOT),
        }
        merged = kept | own | more
        return {name: value for name, value in merged.items() if value != ""}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one ``airflow`` command to its end."""
        command = [sys.executable, "-m", "airflow", *arguments]
        return subprocess.run(
            command, env=self.environ(**more), capture_output=True, text=True, timeout=MIGRATE_SECONDS, check=False
        )

    def migrate(self, *, dags: bool = False) -> None:
        """Create the database and, if asked to, fill it with the example DAGs."""
        steps = [("db", "migrate"), *([("dags", "reserialize")] if dags else [])]
        environ, database = self.environ(), self.home / "airflow.db"
        if environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] != f"sqlite:///{database}":
            for step in steps:
                self.succeed(*step)
            return
        what: tuple[object, ...] = (environ["AIRFLOW__CORE__AUTH_MANAGER"], environ["AIRFLOW__CORE__DAGS_FOLDER"])
        for step in steps:
            what = (*what, step)
            made_once(database, what, partial(self.succeed, *step))

    def succeed(self, *arguments: str, **more: str) -> str:
        """Run one ``airflow`` command, which must succeed, and return what it printed."""
        done = self.run(*arguments, **more)
        assert done.returncode == 0, f"airflow {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, **more: str) -> Server:
        """Start the api-server and wait until it is healthy."""
        server = self.launch(**more)
        server.wait_for(f"http://127.0.0.1:{self.port}{self.base_path}/api/v2/monitor/health")
        return server

    def launch(self, *arguments: str, **more: str) -> Server:
        """Start the api-server without waiting."""
        command = [sys.executable, "-m", "airflow", "api-server", *arguments]
        server = Server(command, self.home / "api-server.log", self.environ(**more))
        self._servers.append(server)
        return server

    @property
    def base_path(self) -> str:
        """Return the path of the base URL, without a slash at its end."""
        return self.base_url.partition(f":{self.port}")[2]

    def stop(self) -> None:
        """Stop all that was started."""
        for server in self._servers:
            server.stop()

    def audit(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the audit rows of sign-in with an id greater than ``after``, oldest first."""
        query = "SELECT id, event, owner, extra FROM log WHERE event LIKE 'auth.%' AND id > ? ORDER BY id"
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=10)) as database:
            rows = database.execute(query, [after]).fetchall()
        return [{"id": row[0], "event": row[1], "owner": row[2], **json.loads(row[3] or "{}")} for row in rows]

    def forget_documents(self) -> None:
        """Let no server start on what another one accepted, instead of a broken document."""
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=10)) as database, database:
            database.execute("DELETE FROM oidc_auth_document")

    def last_audit_id(self) -> int:
        """Return the id to ask :meth:`audit` with for what comes next."""
        return max((row["id"] for row in self.audit()), default=0)

    def all_logs(self) -> Mapping[Path, str]:
        """Return everything that any component wrote to a file below the home, database excepted."""
        files = [path for path in self.home.rglob("*") if path.is_file() and ".db" not in path.name]
        return {path: path.read_text(encoding="utf-8", errors="replace") for path in files}
