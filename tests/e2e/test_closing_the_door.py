"""Two api-servers, one database: the IdP's word ends a session on both, and an outage closes and opens both."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from airflow_oidc_auth.testing import FakeIdp
from tests.e2e.airflow_server import Airflow
from tests.e2e.processes import free_port, wait_until

pytestmark = pytest.mark.xdist_group("e2e-closing-the-door")

HEARD_SECONDS = 5
CLOSED_AFTER = 30
OPEN_AGAIN_SECONDS = 10
DOCUMENT = """version: 1
providers:
  fake:
    {{preset: oidc, label: Company, issuer: "{issuer}", client_id: airflow, client_secret: {{env: E2E_CLIENT_SECRET}}}}
grants:
  rules:
    - {{when: {{group: airflow-admins}}, roles: [Admin]}}
"""


class Deployment:
    """Both servers, asked one by one; people sign in on the first."""

    def __init__(self, folder: Path) -> None:
        self.airflow = Airflow(folder / "airflow")
        self.ports = (self.airflow.port, free_port())
        base = self.airflow.base_url
        self.idp = FakeIdp(
            redirect_uris=[f"{base}/auth/callback/fake"],
            backchannel_logout_uri=f"http://127.0.0.1:{self.ports[0]}/auth/backchannel-logout/fake",
        )

    def start(self) -> None:
        self.idp.start()
        self.airflow.document.write_text(DOCUMENT.format(issuer=self.idp.issuer), encoding="utf-8")
        self.airflow.migrate()
        for port in self.ports:
            more = {"AIRFLOW__API__PORT": str(port), "E2E_CLIENT_SECRET": self.idp.client_secret}
            server = self.airflow.launch(**more)
            server.wait_for(f"http://127.0.0.1:{port}/api/v2/monitor/health")

    def stop(self) -> None:
        self.airflow.stop()
        self.idp.stop()

    def sign_in(self) -> str:
        """Return the cookie of a new session."""
        browser = requests.Session()
        browser.trust_env = False
        begun = browser.get(f"{self.airflow.base_url}/auth/login/fake", allow_redirects=False, timeout=20)
        answer = self.idp.sign_in(begun.headers["location"], "ada")
        callback = f"{self.airflow.base_url}/auth/callback/fake"
        done = browser.get(callback, params=answer, allow_redirects=False, timeout=20)
        assert done.status_code == 303, done.text
        return browser.cookies["_token"]

    def ask(self, port: int, path: str, token: str = "") -> requests.Response:
        headers = {"Cookie": f"_token={token}"} if token else {}
        return requests.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=20)

    def statuses(self, token: str) -> tuple[int, ...]:
        return tuple(self.ask(port, "/ui/auth/me", token).status_code for port in self.ports)

    def rename(self, table: str, name: str) -> None:
        """Take a table from under the servers, or give it back."""
        with closing(sqlite3.connect(self.airflow.home / "airflow.db", timeout=30)) as database:
            database.execute(f"ALTER TABLE {table} RENAME TO {name}")
            database.commit()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    running = Deployment(tmp_path_factory.mktemp("closing"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_a_logout_that_one_server_is_told_of_is_heard_by_the_other(deployment: Deployment) -> None:
    token = deployment.sign_in()
    assert deployment.statuses(token) == (200, 200)
    assert set(deployment.idp.end_sessions("ada")) == {200}
    ended = time.monotonic()
    assert deployment.ask(deployment.ports[0], "/ui/auth/me", token).status_code == 401
    wait_until(lambda: deployment.statuses(token) == (401, 401), "the end on both servers", HEARD_SECONDS)
    print(f"heard after {time.monotonic() - ended:.2f} s")
    assert deployment.airflow.audit()[-1]["reason"] == "backchannel_logout"


def test_servers_that_cannot_read_revocations_close_and_open_by_themselves(deployment: Deployment) -> None:
    token = deployment.sign_in()
    assert deployment.statuses(token) == (200, 200)
    deployment.rename("oidc_auth_revocation", "taken_away")
    taken = time.monotonic()
    try:
        time.sleep(CLOSED_AFTER / 2)
        assert deployment.statuses(token) == (200, 200)
        wait_until(lambda: deployment.statuses(token) == (503, 503), "closed doors", CLOSED_AFTER)
        print(f"closed after {time.monotonic() - taken:.1f} s")
        refused = deployment.ask(deployment.ports[1], "/ui/auth/me", token)
        assert refused.json()["error"] == "revocations_stale"
        for port in deployment.ports:
            health = deployment.ask(port, "/auth/health").json()
            assert (health["status"], health["closed"]) == ("degraded", "revocations_stale")
    finally:
        deployment.rename("taken_away", "oidc_auth_revocation")
    given = time.monotonic()
    wait_until(lambda: deployment.statuses(token) == (200, 200), "open doors", OPEN_AGAIN_SECONDS)
    print(f"open after {time.monotonic() - given:.1f} s")
    log = (deployment.airflow.home / "api-server.log").read_text(encoding="utf-8", errors="replace")
    assert log.count("requests are answered with 503") == len(deployment.ports)
    assert log.count("revocations can be read again") == len(deployment.ports)
