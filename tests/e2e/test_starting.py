"""How the api-server starts, or refuses to: configuration, several workers, a sub-path, five lines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import CLIENT_ID, CLIENT_SECRET, Liar
from tests.e2e.processes import Server, wait_until

pytestmark = pytest.mark.xdist_group("e2e-starting")

BROKEN = """\
version: 1
providers:
  company:
    preset: octa
    isuer: https://login.example.com
    client_id: airflow
    client_secret: clear text
grants:
  rules:
    - {when: {group: admins}, roles: [Amdin]}
"""
PLACES = ("providers.company.preset", "providers.company.isuer", "providers.company.client_secret", "roles[0]")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database, to copy from nobody: the tests of this module use it one after the other."""
    home = tmp_path_factory.mktemp("starting") / "airflow"
    Airflow(home).migrate()
    return home


@pytest.fixture
def airflow(migrated: Path) -> Iterator[Airflow]:
    yield from deployment(migrated)


@pytest.fixture
def airflow_below_a_path(migrated: Path) -> Iterator[Airflow]:
    yield from deployment(migrated, "/team/airflow")


def deployment(home: Path, base_path: str = "") -> Iterator[Airflow]:
    fresh = Airflow(home, base_path)
    fresh.forget_documents()
    (home / "api-server.log").unlink(missing_ok=True)
    yield fresh
    fresh.stop()


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    provider = Liar(tmp_path_factory.mktemp("liar") / "liar.log")
    yield provider
    provider.stop()


def five_lines(issuer: str) -> dict[str, str]:
    return {
        "AIRFLOW__OIDC_AUTH__CONFIG_FILE": "",
        "AIRFLOW__OIDC_AUTH__PRESET": "oidc",
        "AIRFLOW__OIDC_AUTH__ISSUER": issuer,
        "AIRFLOW__OIDC_AUTH__CLIENT_ID": CLIENT_ID,
        "AIRFLOW__OIDC_AUTH__CLIENT_SECRET": CLIENT_SECRET,
        "AIRFLOW__OIDC_AUTH__ROLE_MAPPING": json.dumps({"airflow-users": "User"}),
    }


def sign_in(airflow: Airflow, path: str) -> requests.Session:
    client = requests.Session()
    client.trust_env = False
    client.get(f"{airflow.base_url}{path}", timeout=20)
    return client


def me(client: requests.Session, airflow: Airflow) -> requests.Response:
    return client.get(f"{airflow.base_url}/ui/auth/me", timeout=20)


def test_a_broken_document_stops_the_server_with_every_problem(airflow: Airflow) -> None:
    airflow.document.write_text(BROKEN, encoding="utf-8")
    server = airflow.launch()
    assert ended(server) == 3, server.tail()
    assert_all_problems_are_told(server, times=1)


def test_a_broken_document_does_not_respawn_workers_for_ever(airflow: Airflow) -> None:
    airflow.document.write_text(BROKEN, encoding="utf-8")
    # So long uvicorn's parent may wait for a worker that has just ended; it ends one that takes longer to start.
    server = airflow.launch("--workers", "2", AIRFLOW__API__WORKER_TIMEOUT="20")
    ended(server)
    assert_all_problems_are_told(server, times=2)


def assert_all_problems_are_told(server: Server, times: int) -> None:
    said = server.log.read_text(encoding="utf-8")
    for place in PLACES:
        assert 1 <= said.count(place) <= times, said
    assert "clear text" not in said
    assert "Traceback" not in said


def test_nothing_configured_stops_the_server_and_says_what_to_set(airflow: Airflow) -> None:
    server = airflow.launch(AIRFLOW__OIDC_AUTH__CONFIG_FILE="")
    assert ended(server) == 3, server.tail()
    assert "[oidc_auth]" in server.tail()


@pytest.mark.parametrize("how", ["plain", "cmd"])
def test_five_settings_are_enough(airflow: Airflow, liar: Liar, how: str) -> None:
    settings = five_lines(liar.issuer)
    if how == "cmd":
        secret = airflow.home / "secret"
        secret.write_text(CLIENT_SECRET, encoding="utf-8")
        settings["AIRFLOW__OIDC_AUTH__CLIENT_SECRET"] = ""
        settings["AIRFLOW__OIDC_AUTH__CLIENT_SECRET_CMD"] = f"cat {secret}"
    server = airflow.start(**settings)
    client = sign_in(airflow, "/auth/login")
    assert me(client, airflow).json()["username"] == "Lisa Liar"
    assert CLIENT_SECRET not in server.log.read_text(encoding="utf-8")


def test_two_workers_share_sessions_and_their_end(airflow: Airflow, liar: Liar) -> None:
    airflow.start(AIRFLOW__API__WORKERS="2", **five_lines(liar.issuer))
    client = sign_in(airflow, "/auth/login")
    token = client.cookies["_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    # A fresh connection each: both workers get their turn.
    answers = [status(airflow, bearer) for _ in range(20)]
    assert set(answers) == {200}
    client.get(f"{airflow.base_url}/api/v2/auth/logout", timeout=20, allow_redirects=False)
    client.get(f"{airflow.base_url}/auth/logout", timeout=20, allow_redirects=False)
    wait_until(lambda: {status(airflow, bearer) for _ in range(12)} == {401}, "the end on both workers", seconds=6)


def status(airflow: Airflow, headers: dict[str, str]) -> int:
    return requests.get(f"{airflow.base_url}/ui/auth/me", headers=headers, timeout=20).status_code


def test_below_a_path_every_address_and_cookie_stays_there(airflow_below_a_path: Airflow, liar: Liar) -> None:
    airflow = airflow_below_a_path
    airflow.start(**five_lines(liar.issuer))
    client = sign_in(airflow, "/auth/login?next=/team/airflow/dags")
    assert me(client, airflow).status_code == 200
    paths = {cookie.name: cookie.path for cookie in client.cookies}
    assert paths["_token"] == "/team/airflow/"
    assert all(path.startswith("/team/airflow/") for path in paths.values())
    page = client.get(f"{airflow.base_url}/auth/access", timeout=20)
    assert page.status_code == 200
    assert 'action="/team/airflow/auth/logout"' in page.text or f'action="{airflow.base_url}/auth/logout"' in page.text


def test_a_bad_hot_reload_keeps_the_old_document_and_is_audited(airflow: Airflow, liar: Liar) -> None:
    good = f"""\
version: 1
providers:
  liar: {{preset: oidc, issuer: "{liar.issuer}", client_id: airflow, client_secret: {{env: E2E_CLIENT_SECRET}}}}
grants:
  rules:
    - {{when: {{group: airflow-users}}, roles: [User]}}
"""
    airflow.document.write_text(good, encoding="utf-8")
    airflow.start(E2E_CLIENT_SECRET=CLIENT_SECRET)
    before = airflow.last_audit_id()
    airflow.document.write_text(BROKEN, encoding="utf-8")
    wait_until(lambda: "auth.config_rejected" in events(airflow, before), "the audit row", seconds=40)
    assert me(sign_in(airflow, "/auth/login"), airflow).status_code == 200
    # The start itself is told late, if it was on another document than the last one.
    before = airflow.last_audit_id()
    airflow.document.write_text(good.replace("[User]", "[Viewer]"), encoding="utf-8")
    wait_until(lambda: "auth.config_reloaded" in events(airflow, before), "the audit row", seconds=40)
    sign_in(airflow, "/auth/login")
    assert airflow.audit(before)[-1]["roles_after"] == ["Viewer"]


def events(airflow: Airflow, after: int) -> list[str]:
    return [row["event"] for row in airflow.audit(after)]


def ended(server: Server) -> int:
    """Wait until the server ends by itself; return its exit code."""
    try:
        return server.process.wait(120)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"it did not end:\n{server.tail()}") from None
