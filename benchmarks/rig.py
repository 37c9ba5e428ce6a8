"""What faults are tried on: two API servers, one PostgreSQL, a certified IdP behind a gate, and nginx if it is there.

Everything is on 127.0.0.1, below one folder, and ends with this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urljoin

import psutil
import requests
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.gate import Gate
from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import CLIENT_ID, CLIENT_SECRET, NODE, installed
from tests.e2e.processes import Server, free_port, wait_until
from tests.storage.servers import find_program, remove_stale_directories

HEALTH = "/api/v2/monitor/health"
ME = "/ui/auth/me"
ADA, OSKAR, UMA, VICTOR = "op-0001", "op-0002", "op-0003", "op-0004"
DOCUMENT = """version: 1
providers:
  op:
    preset: oidc
    label: Company login
    issuer: {issuer}
    client_id: airflow
    client_secret: {{env: E2E_CLIENT_SECRET}}
    scopes: [openid, profile, email, groups]
sessions:
  recheck: 1m
rate_limits: {{login: 100000/minute, callback: 100000/minute, token: 100000/minute, principal: 100000/minute}}
grants:
  rules:
    - {{name: platform admins, when: {{group: airflow-admins}}, roles: [Admin]}}
    - {{name: operators, when: {{group: airflow-ops}}, roles: [Op]}}
    - {{name: users, when: {{group: airflow-users}}, roles: [User]}}
    - {{name: viewers, when: {{group: airflow-viewers}}, roles: [Viewer]}}
"""
NGINX = """daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1; {user}
events {{ worker_connections 256; }}
http {{
  access_log off; proxy_temp_path {folder}/t1; client_body_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  upstream airflow {{ server 127.0.0.1:{first}; server 127.0.0.1:{second}; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://airflow;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


class Postgres:
    """A PostgreSQL that can be stopped and started again on its port."""

    def __init__(self) -> None:
        initdb, self._program = find_program("initdb"), find_program("postgres")
        if initdb is None or self._program is None:
            raise SystemExit("PostgreSQL is not installed")
        self.port = free_port()
        self.url = f"postgresql+psycopg2://airflow@127.0.0.1:{self.port}/postgres"
        remove_stale_directories()
        self._data = Path(tempfile.mkdtemp(prefix=f"oidc-auth-server-{os.getpid()}-rig-"))
        self._become: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to be root
            nobody = pwd.getpwnam("nobody")
            shutil.chown(self._data, nobody.pw_uid, nobody.pw_gid)
            self._become = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        options = ["-U", "airflow", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        command = ["setpriv", *self._become, initdb, "-D", self._data / "data", *options]
        subprocess.run(command, check=True, capture_output=True, cwd=self._data)
        self._log = self._data / "server.log"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self._data}"]
        options = [part for setting in (*settings, "fsync=off") for part in ("-c", setting)]
        command = ["setpriv", *self._become, "--pdeathsig", "INT", self._program, "-D", self._data / "data", *options]
        with self._log.open("ab") as output:
            self._server = subprocess.Popen(command, cwd=self._data, stdout=output, stderr=output)
        wait_until(self._answers, "an answer of PostgreSQL")

    def stop(self) -> None:
        """End it at once, with everybody's connections (its "fast" shutdown)."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(30)

    def remove(self) -> None:
        """End it for good."""
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def engine(self) -> Engine:
        return create_engine(self.url, pool_pre_ping=True)

    def _answers(self) -> bool:
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        finally:
            engine.dispose()
        return True


class PostgresAirflow(Airflow):
    """An Airflow on a PostgreSQL."""

    def __init__(self, home: Path, database_url: str) -> None:
        super().__init__(home)
        self._database_url = database_url

    def environ(self, **more: str) -> dict[str, str]:
        own = {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._database_url,
            "E2E_CLIENT_SECRET": CLIENT_SECRET,
            "FORWARDED_ALLOW_IPS": "127.0.0.1",
        }
        return super().environ(**(own | more))


class Rig:
    """The deployment.

    :param proxied: people come through nginx; without it the first server has the public address
    """

    def __init__(self, folder: Path, *, proxied: bool = False, document: str = DOCUMENT) -> None:
        self.folder, self._proxied, self._document = folder, proxied, document
        self.database = Postgres()
        self.gate = Gate()
        self.airflow = PostgresAirflow(folder / "airflow", self.database.url)
        self.base_url = self.airflow.base_url
        self.ports = (free_port() if proxied else self.airflow.port, free_port())
        self.servers: dict[int, Server] = {}
        self._others: list[Server] = []
        self.engine = self.database.engine()

    def start(self) -> None:
        self.database.start()
        self.gate.open()
        self._start_idp()
        self.airflow.document.write_text(self._document.format(issuer=self.gate.origin), encoding="utf-8")
        self.airflow.migrate()
        if self._proxied:
            self._start_nginx()
        for port in self.ports:
            self.launch(port)
        for port in self.ports:
            self.wait_for(port)

    def launch(self, port: int, **more: str) -> None:
        """Start one API server."""
        self.servers[port] = self.airflow.launch("--proxy-headers", AIRFLOW__API__PORT=str(port), **more)

    def wait_for(self, port: int) -> None:
        self.servers[port].wait_for(f"http://127.0.0.1:{port}{HEALTH}")

    def kill(self, port: int) -> None:
        """End a server as a power cut does."""
        process = self.servers[port].process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def revive(self) -> None:
        """Start what was killed again."""
        dead = [port for port, server in self.servers.items() if server.process.poll() is not None]
        for port in dead:
            self.launch(port)
        for port in dead:
            self.wait_for(port)

    def stop(self) -> None:
        for port in self.servers:
            self.kill(port)
        self.airflow.stop()
        for other in self._others:
            other.stop()
        self.gate.close()
        self.engine.dispose()
        self.database.remove()

    def sign_in(self, subject: str = ADA, port: int | None = None) -> str:
        """Return the cookie of a new session of somebody with a fresh browser."""
        browser = Browser(self, port)
        done = browser.come_back(browser.authenticate(subject))
        assert done.status_code == 303, f"{done.status_code}: {done.text[:500]}"
        return browser.cookie

    def ask(self, port: int, token: str, path: str = ME) -> requests.Response:
        headers = {"Cookie": f"_token={token}"} if token else {}
        return requests.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=60, allow_redirects=False)

    def statuses(self, token: str) -> tuple[int, ...]:
        """Ask each server by itself."""
        return tuple(self.ask(port, token).status_code for port in self.ports)

    def health(self, port: int) -> dict:
        return self.ask(port, "", "/auth/health").json()

    def change(self, subject: str, claims: Mapping[str, object] | None) -> None:
        """Change somebody at the IdP; None removes the person."""
        url = f"http://127.0.0.1:{self.gate.behind}/control/people/{subject}"
        assert requests.put(url, data=json.dumps(claims), timeout=10).status_code == 204

    def make_due(self) -> int:
        """Let every session be due for its re-check now, as if a minute had gone by in use; return how many."""
        return self.execute(
            "UPDATE oidc_auth_session SET check_due_at = :now - 1, seen_at = :now WHERE ended_at IS NULL"
        )

    def end_everybody(self) -> None:
        """Begin with no session."""
        self.execute("UPDATE oidc_auth_session SET ended_at = :now WHERE ended_at IS NULL")

    def end_leases(self) -> None:
        """Let the leases of dead servers run out, as they do by themselves after five minutes."""
        self.execute(
            "UPDATE oidc_auth_session SET lease_until = :now - 1, seen_at = :now WHERE lease_owner IS NOT NULL"
        )

    def execute(self, statement: str, **values: object) -> int:
        with self.engine.begin() as connection:
            return connection.execute(text(statement), {"now": int(time.time()), **values}).rowcount

    def rows(self, query: str, **values: object) -> list[tuple]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), {"now": int(time.time()), **values})]

    def live(self) -> int:
        return self.rows("SELECT count(*) FROM oidc_auth_session WHERE ended_at IS NULL")[0][0]

    def waiting(self) -> int:
        """Return how many sessions are due and were not confirmed since."""
        late = "(check_due_at <= :now OR check_failures > 0)"
        return self.rows(f"SELECT count(*) FROM oidc_auth_session WHERE ended_at IS NULL AND {late}")[0][0]

    def failing(self) -> int:
        return self.rows("SELECT count(*) FROM oidc_auth_session WHERE check_failures > 0")[0][0]

    def heard(self) -> float:
        """Return for how long the server that is worse off has heard no revocations."""
        return max(self.health(port)["revocations_stale_for"] for port in self.ports)

    def events(self, event: str) -> list[dict]:
        query = "SELECT extra FROM log WHERE event = :event ORDER BY id"
        return [json.loads(extra or "{}") for (extra,) in self.rows(query, event=event)]

    def server_calling(self) -> int:
        """Return the port of the API server whose call the gate took last."""
        for port, server in self.servers.items():
            tree = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
            ours = (one.laddr.port for each in tree for one in each.net_connections("tcp") if one.laddr)
            if self.gate.caller in ours:
                return port
        raise AssertionError("no API server is calling the IdP")

    def _start_idp(self) -> None:
        self.gate.behind = free_port()
        command = [NODE, installed() / "op.mjs", str(self.gate.behind), CLIENT_ID, CLIENT_SECRET, self.base_url]
        idp = Server(command, self.folder / "op.log", os.environ | {"OP_ISSUER": self.gate.origin})
        self._others.append(idp)
        idp.wait_for(f"{self.gate.origin}/.well-known/openid-configuration")

    def _start_nginx(self) -> None:
        nginx = find_program("nginx")
        if nginx is None:
            raise SystemExit("nginx is not installed")
        first, second = self.ports
        file = self.folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(
            NGINX.format(folder=self.folder, port=self.airflow.port, first=first, second=second, user=user),
            encoding="utf-8",
        )
        self._others.append(Server([nginx, "-c", file], self.folder / "nginx.out"))


class Browser:
    """Somebody's browser, step by step.

    :param port: of the server to talk to; None for the public address
    """

    def __init__(self, rig: Rig, port: int | None = None) -> None:
        self.rig = rig
        self._base = rig.base_url if port is None else f"http://localhost:{port}"
        self.session = requests.Session()
        self.session.trust_env = False

    @property
    def cookie(self) -> str:
        return self.session.cookies["_token"]

    def begin(self) -> requests.Response:
        return self._get(f"{self._base}/auth/login/op")

    def authenticate(self, subject: str) -> str:
        """Sign in at the IdP; return the address that it sends the browser to."""
        begun = self.begin()
        assert begun.status_code in {302, 303, 307}, f"{begun.status_code}: {begun.text[:500]}"
        method, url, form = "GET", begun.headers["location"], None
        while not url.startswith(self.rig.base_url):
            answer = self.session.request(method, url, data=form, allow_redirects=False, timeout=60)
            if answer.status_code in {302, 303}:
                method, url, form = "GET", urljoin(url, answer.headers["Location"]), None
            else:
                assert answer.status_code == 200, answer.text[:500]
                method, form = "POST", {"sub": subject}
        return url

    def come_back(self, url: str) -> requests.Response:
        """Follow the IdP's redirect to us."""
        return self._get(url.replace(self.rig.base_url, self._base, 1))

    def sign_out_at_the_idp(self) -> None:
        """End the IdP's own session; it tells everybody by the back channel."""
        url = f"{self.rig.gate.origin}/session/end"
        page = self.session.get(url, timeout=20)
        (xsrf,) = re.findall(r'name="xsrf" value="([^"]+)"', page.text)
        (action,) = re.findall(r'action="([^"]+)"', page.text)
        done = self.session.post(urljoin(url, action), data={"xsrf": xsrf, "logout": "yes"}, timeout=20)
        assert done.status_code == 200, done.text[:500]

    def _get(self, url: str) -> requests.Response:
        return self.session.get(url, headers={"Accept": "text/html"}, allow_redirects=False, timeout=60)
