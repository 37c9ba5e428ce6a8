"""One Airflow home per auth manager, with a migrated SQLite database and many DAGs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[1]
MANAGERS = {
    "ours": "airflow_oidc_auth.OidcAuthManager",
    "FAB-mode": "airflow_oidc_auth.OidcFabAuthManager",
    "Simple": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
    "FAB": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    "Keycloak": "airflow.providers.keycloak.auth_manager.keycloak_auth_manager.KeycloakAuthManager",
}
DISTANCE = 0.001
# Not secret: of a home that lives as long as the run.
FERNET_KEY = "YmVuY2htYXJrcyBvbmx5LCBub3QgYSByZWFsIGtleSE="
# SQLite has no distance: each statement waits instead. PostgreSQL is moved away by distance.py.
SLOW_SQLITE = """
import os, time
from sqlalchemy import event
from sqlalchemy.engine import Engine

SECONDS = float(os.environ.get("BENCHMARK_STATEMENT_DELAY", "0"))
if SECONDS:
    event.listen(Engine, "before_cursor_execute", lambda *_: time.sleep(SECONDS))
"""
# Core wants mysqlclient, which must be built; PyMySQL can stand in for it.
MYSQL_STAND_IN = """
import sys

import pymysql
import pymysql.converters

sys.modules["MySQLdb.converters"] = pymysql.converters
pymysql.converters.DateTime2literal = pymysql.converters.escape_datetime
pymysql.install_as_MySQLdb()
"""
WEBSERVER_CONFIG = """
from airflow_oidc_auth import OidcSecurityManager

SECURITY_MANAGER_CLASS = OidcSecurityManager
AUTH_USER_REGISTRATION = True
"""


@dataclass
class Home:
    """Where one manager lives.

    :param database: URL of a database server without database name; None for SQLite in the home
    :param far_database: the same server, further away
    :param document: configuration document of ours, instead of the few settings; its secret is in SECRET
    """

    manager: str
    path: Path
    stub_url: str
    database: str | None = None
    far_database: str | None = None
    document: str | None = None
    # The address is part of our sessions' tokens: who mints one must have the address of the server that will see it.
    port: int = field(default_factory=lambda: free_port())  # noqa: PLW0108  # defined below

    def environment(self, *, far: bool = False) -> dict[str, str]:
        """Return the environment of a process of this home.

        :param far: with the database :data:`DISTANCE` away
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        delay = DISTANCE if far and not self.database else 0.0
        return kept | _environment(self, far=far) | {"BENCHMARK_STATEMENT_DELAY": str(delay)}

    def database_url(self, *, far: bool) -> str:
        server = self.far_database if far else self.database
        if server is None:
            return f"sqlite:///{self.path / 'airflow.db'}"
        return f"{server}/{self.path.name.lower()}{'?charset=utf8mb4' if server.startswith('mysql') else ''}"

    def prepare(self, dags: int) -> None:
        """Migrate the database and fill it."""
        (self.path / "config").mkdir(parents=True)
        (self.path / "dags").mkdir()
        (self.path / "config" / "airflow_local_settings.py").write_text(SLOW_SQLITE, encoding="utf-8")
        if self.manager == "FAB-mode":
            (self.path / "webserver_config.py").write_text(WEBSERVER_CONFIG, encoding="utf-8")
        if self.database and self.database.startswith("mysql"):
            (self.path / "config" / "MySQLdb.py").write_text(MYSQL_STAND_IN, encoding="utf-8")
        if self.document:
            (self.path / "oidc_auth.yaml").write_text(self.document, encoding="utf-8")
        if self.database:
            _create_database(self.database, self.path.name.lower())
        self.run("-m", "airflow", "db", "migrate")
        self.run("-m", "benchmarks.fill", str(dags))

    def run(self, *arguments: str) -> str:
        """Run Python in this home and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.environment(), cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{self.manager}: {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def ask(self, *arguments: str, module: str = "benchmarks.worker") -> dict[str, float | str]:
        """Run a module of ours in this home and return the object that it printed last."""
        lines = self.run("-m", module, self.manager, *arguments).splitlines()
        return json.loads(next(line for line in reversed(lines) if line.startswith("{")))


def _environment(home: Home, *, far: bool) -> dict[str, str]:
    common = {
        "AIRFLOW_HOME": str(home.path),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{home.port}",
        "AIRFLOW__API_AUTH__JWT_SECRET": "benchmarks only " * 8,
        "AIRFLOW__CORE__AUTH_MANAGER": MANAGERS[home.manager],
        "AIRFLOW__CORE__DAGS_FOLDER": str(home.path / "dags"),
        "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": home.database_url(far=far),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(home.path / "config"), *_inherited_path()]),
        "PYTHONWARNINGS": "ignore",
        "NO_PROXY": "localhost,127.0.0.1",
    }
    if home.database and home.database.startswith("mysql"):
        # No asynchronous driver, which core makes one for where the option is missing; nothing here needs one.
        common["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = ""
    return common | _of_manager(home)


def _of_manager(home: Home) -> dict[str, str]:
    if home.manager == "Simple":
        return {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:viewer"}
    if home.manager == "Keycloak":
        section = "AIRFLOW__KEYCLOAK_AUTH_MANAGER__"
        options = {"CLIENT_ID": "airflow", "CLIENT_SECRET": "x", "REALM": "r", "SERVER_URL": home.stub_url}
        return {f"{section}{name}": value for name, value in options.items()}
    if home.document:
        return {"AIRFLOW__OIDC_AUTH__CONFIG_FILE": str(home.path / "oidc_auth.yaml"), "SECRET": "x"}
    if home.manager in {"ours", "FAB-mode"}:
        options = {
            "PRESET": "oidc",
            "ISSUER": f"{home.stub_url}/realms/r",
            "CLIENT_ID": "airflow",
            "CLIENT_SECRET": "x",
            "ROLE_MAPPING": '{"lookers": "Viewer"}',
        }
        return {f"AIRFLOW__OIDC_AUTH__{name}": value for name, value in options.items()}
    return {}


def _inherited_path() -> list[str]:
    return [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]


def _create_database(server: str, name: str) -> None:
    mariadb = server.startswith("mysql")
    engine = create_engine(f"{server}/{'mysql' if mariadb else 'postgres'}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        quoted = connection.dialect.identifier_preparer.quote(name)
        connection.execute(text(f"CREATE DATABASE {quoted}{' CHARACTER SET utf8mb4' if mariadb else ''}"))
    engine.dispose()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
