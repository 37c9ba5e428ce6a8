"""People at a terminal: a real Airflow elsewhere, a certified identity provider, Chromium, and the real airflowctl."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.airflow_server import ROOT, Airflow
from tests.e2e.identity_providers import CLIENT_SECRET, OpenIdProvider
from tests.e2e.processes import http, wait_until
from tests.e2e.terminal import Laptop, device_page, document, finished
from tests.e2e.visitor import ADA, NORA, VICTOR

pytestmark = pytest.mark.xdist_group("e2e-terminal")
TOKEN = "airflowctl api_token_production"
LOGIN = "airflow-oidc-auth login_production"
DEAD_SECONDS = 5


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("terminal")


@pytest.fixture(scope="module")
def deployment(home: Path) -> Airflow:
    return Airflow(home / "airflow")


@pytest.fixture(scope="module")
def op(home: Path, deployment: Airflow) -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider(home / "op.log", deployment.base_url)
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def airflow(deployment: Airflow, op: OpenIdProvider) -> Iterator[Airflow]:
    deployment.document.write_text(document(op), encoding="utf-8")
    deployment.migrate(dags=True)
    deployment.start(E2E_CLIENT_SECRET=CLIENT_SECRET)
    yield deployment
    deployment.stop()


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path / "laptop", keyring=True)


def page_text() -> str:
    return (ROOT / "docs" / "tasks" / "terminal-login.md").read_text(encoding="utf-8")


def be(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name="Sign in at the identity provider")).to_be_visible()
    page.get_by_role("button", name=name).click()


def sign_in_by_code(laptop: Laptop, airflow: Airflow, page: Page, name: str, *more: str) -> tuple[int, str]:
    waiting = laptop.begin("login", "--url", airflow.base_url, "--device", *more)
    address, code = device_page(waiting)
    page.goto(address)
    page.locator("input[name=user_code]").fill(code)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(code)).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    be(page, name)
    expect(page.get_by_role("heading", name="Signed in on your device")).to_be_visible()
    return finished(waiting)


def sign_in_by_browser(laptop: Laptop, airflow: Airflow, page: Page, name: str, *more: str) -> tuple[int, str]:
    waiting = laptop.begin("login", "--url", airflow.base_url, *more)
    wait_until(laptop.opened.exists, "the browser opens", 60)
    page.goto(laptop.opened.read_text(encoding="utf-8"))
    be(page, name)
    expect(page.get_by_role("heading", name="Back to your terminal")).to_be_visible()
    return finished(waiting)


def status(airflow: Airflow, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return http().get(f"{airflow.base_url}/api/v2/dags", headers=headers, timeout=30).status_code


def test_a_code_on_the_device_page_lets_airflowctl_list_dags(laptop: Laptop, airflow: Airflow, page: Page) -> None:
    before = airflow.last_audit_id()
    code, said = sign_in_by_code(laptop, airflow, page, ADA)
    assert code == 0, said
    assert laptop.kept()[TOKEN] not in said
    assert laptop.dag_ids()
    rows = [row for row in airflow.audit(before) if row["event"] == "auth.token_issued"]
    assert len(rows) == 1
    assert not (laptop.folder / "never.db").exists()


def test_the_browser_comes_back_to_the_terminal(laptop: Laptop, airflow: Airflow, page: Page) -> None:
    code, said = sign_in_by_browser(laptop, airflow, page, VICTOR)
    assert code == 0, said
    assert "You can close this page" in page.content()
    assert laptop.dag_ids()


def test_without_a_keyring_airflowctl_reads_the_file(tmp_path: Path, airflow: Airflow, page: Page) -> None:
    server = Laptop(tmp_path / "server", keyring=False)
    code, said = sign_in_by_browser(server, airflow, page, ADA)
    assert code == 0, said
    assert (server.home / "debug_creds_production.json").stat().st_mode & 0o777 == 0o600
    assert server.dag_ids()


def test_the_documented_lines_ask_with_curl(laptop: Laptop, airflow: Airflow, page: Page) -> None:
    sign_in_by_browser(laptop, airflow, page, ADA)
    token = laptop.oidc("token")
    assert (token.returncode, token.stdout.strip()) == (0, laptop.kept()[TOKEN])
    if shutil.which("curl"):
        examples = re.findall("^.*curl.*/api/v2/dags$", page_text(), re.MULTILINE)
        assert len(examples) == 2
        for example in examples:
            ran = laptop.shell(example.replace("https://airflow.example.com", airflow.base_url))
            assert json.loads(ran.stdout)["total_entries"] > 0


def test_the_documented_script_lists_dags_with_the_python_client(laptop: Laptop, airflow: Airflow, page: Page) -> None:
    pytest.importorskip("airflow_client")
    sign_in_by_browser(laptop, airflow, page, ADA)
    (example,) = re.findall("```python\n(.*?)```", page_text(), re.DOTALL)
    ran = laptop.python(example.replace("https://airflow.example.com", airflow.base_url))
    assert ran.returncode == 0, ran.stderr
    assert set(ran.stdout.split()) == laptop.dag_ids()


def test_a_foreign_page_in_the_same_browser_changes_nothing(
    laptop: Laptop, airflow: Airflow, op: OpenIdProvider, page: Page
) -> None:
    waiting = laptop.begin("login", "--url", airflow.base_url)
    wait_until(laptop.opened.exists, "the browser opens", 60)
    address = laptop.opened.read_text(encoding="utf-8")
    listener = parse_qs(urlsplit(address).query)["redirect_uri"][0]
    other = page.context.new_page()
    other.goto(f"{op.issuer}/jwks")
    for query in ("code=mallory&state=guess", "error=access_denied", "code=mallory"):
        other.evaluate("url => fetch(url, {mode: 'no-cors'}).catch(() => null)", f"{listener}?{query}")
        other.goto(f"{listener}?{query}")
        expect(other.get_by_role("heading", name="Not begun here")).to_be_visible()
    page.goto(address)
    be(page, ADA)
    expect(page.get_by_role("heading", name="Back to your terminal")).to_be_visible()
    code, said = finished(waiting)
    assert code == 0, said
    assert laptop.dag_ids()


def test_a_second_login_and_a_token_near_its_end_are_refreshed_without_a_person(
    laptop: Laptop, airflow: Airflow, page: Page
) -> None:
    sign_in_by_browser(laptop, airflow, page, ADA)
    first = laptop.kept()
    again = laptop.oidc("login", "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads(again.stdout)["way"] == "refresh"
    second = laptop.kept()
    assert second[TOKEN] != first[TOKEN]
    assert status(airflow, second[TOKEN]) == 200
    # As if a day had passed here.
    login = json.loads(second[LOGIN])
    second[LOGIN] = json.dumps({**login, "expires_at": int(time.time()) + 30})
    Path(laptop.environ["E2E_KEYRING"]).write_text(json.dumps(second), encoding="utf-8")
    third = laptop.oidc("token").stdout.strip()
    assert third not in (first[TOKEN], second[TOKEN])
    assert status(airflow, third) == 200


def test_logout_ends_the_token_everywhere(laptop: Laptop, airflow: Airflow, op: OpenIdProvider, page: Page) -> None:
    sign_in_by_browser(laptop, airflow, page, ADA)
    kept = laptop.kept()
    left = laptop.oidc("logout")
    assert left.returncode == 0, left.stdout + left.stderr
    assert laptop.kept() == {}
    wait_until(lambda: status(airflow, kept[TOKEN]) == 401, "the token's end", DEAD_SECONDS)
    refresh = {"grant_type": "refresh_token", "refresh_token": json.loads(kept[LOGIN])["refresh_token"]}
    answer = http().post(f"{op.issuer}/token", {**refresh, "client_id": "airflow-cli"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert laptop.airflowctl("dags", "list").returncode != 0


def test_somebody_without_a_role_is_denied(laptop: Laptop, airflow: Airflow, page: Page) -> None:
    code, said = sign_in_by_browser(laptop, airflow, page, NORA)
    assert code == 2, said
    assert "does not let you in" in said
    assert laptop.kept() == {}


def test_somebody_who_cancels_is_denied(laptop: Laptop, airflow: Airflow, page: Page) -> None:
    waiting = laptop.begin("login", "--url", airflow.base_url)
    wait_until(laptop.opened.exists, "the browser opens", 60)
    page.goto(laptop.opened.read_text(encoding="utf-8"))
    be(page, "Cancel")
    expect(page.get_by_role("heading", name="Sign-in did not succeed")).to_be_visible()
    code, said = finished(waiting)
    assert code == 2, said
    assert "cancelled" in said


def test_no_token_is_written_to_a_log(laptop: Laptop, airflow: Airflow, page: Page) -> None:
    sign_in_by_code(laptop, airflow, page, ADA)
    kept = laptop.kept()
    secrets = (kept[TOKEN], json.loads(kept[LOGIN])["refresh_token"])
    logs = [*airflow.all_logs().items(), *((path, path.read_text()) for path in laptop.folder.glob("*.log"))]
    assert [path for path, text in logs for secret in secrets if secret in text] == []
