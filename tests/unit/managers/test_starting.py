"""What may stand in for what: with settings as a server really reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.managers.settings import Settings, load_settings
from airflow_oidc_auth.managers.starting import choose_start
from airflow_oidc_auth.sessions.documents import KeptDocument
from tests.unit.fab.webserver_files import CLASS, write

NATIVE, FAB = "airflow_oidc_auth.OidcAuthManager", "airflow_oidc_auth.OidcFabAuthManager"
GOOD = """
version: 1
providers: {okta: {preset: okta, issuer: https://acme.okta.com, client_id: 0oa1, client_secret: {env: THE_SECRET}}}
grants: {rules: [{when: {group: ops}, roles: [Op]}]}
"""
BROKEN = {"no YAML": "version: [", "not compiling": "version: 1\nproviders: {}\n", "empty": "", "away": None}


@pytest.fixture(autouse=True)
def airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", NATIVE)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(tmp_path / "oidc_auth.yaml"))
    monkeypatch.setenv("AIRFLOW__FAB__CONFIG_FILE", str(tmp_path / "webserver_config.py"))
    monkeypatch.setenv("THE_SECRET", "made up")
    return monkeypatch


@pytest.fixture(params=BROKEN.values(), ids=BROKEN)
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if request.param is not None:
        (tmp_path / "oidc_auth.yaml").write_text(request.param, encoding="utf-8")


def start() -> list[str]:
    """Start with whatever is configured; return the places that were asked for."""
    asked: list[str] = []

    def find(settings: Settings) -> KeptDocument:
        asked.append(settings.place)
        return KeptDocument(settings.place, "d" * 22, 1_700_000_000, load_document(GOOD, "kept").data)

    started = choose_start(load_settings(resolve_secrets=True), find)
    assert list(started.in_force.config.providers) == ["okta"]
    assert bool(started.rejected) == bool(asked)
    return asked


def refused() -> str:
    with pytest.raises(ConfigurationError) as caught:
        start()
    return str(caught.value)


@pytest.mark.usefixtures("broken")
def test_the_last_accepted_document_stands_in_for_a_broken_file(tmp_path: Path) -> None:
    assert start() == [f"native:{tmp_path}/oidc_auth.yaml"]


@pytest.mark.usefixtures("broken")
def test_in_fab_mode_for_one_that_oidc_auth_names(airflow: pytest.MonkeyPatch, tmp_path: Path) -> None:
    airflow.setenv("AIRFLOW__CORE__AUTH_MANAGER", FAB)
    airflow.delenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE")
    write(tmp_path, f'{CLASS}OIDC_AUTH = "{tmp_path}/oidc_auth.yaml"\n')
    assert start() == [f"fab:{tmp_path}/oidc_auth.yaml"]


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    "name, value",
    [
        ("AIRFLOW__CORE__FERNET_KEY", ""),
        ("AIRFLOW__CORE__FERNET_KEY", "not a key"),
        ("AIRFLOW__API__BASE_URL", ""),
        ("AIRFLOW__OIDC_AUTH__PRESET", "okta"),
        ("AIRFLOW__OIDC_AUTH__CONFIG_FLIE", "misspelt"),
    ],
)
def test_nothing_stands_in_where_something_else_is_wrong(airflow: pytest.MonkeyPatch, name: str, value: str) -> None:
    airflow.setenv(name, value)
    assert refused()


@pytest.mark.usefixtures("broken")
def test_nothing_stands_in_for_a_webserver_config_that_is_wrong(airflow: pytest.MonkeyPatch, tmp_path: Path) -> None:
    airflow.setenv("AIRFLOW__CORE__AUTH_MANAGER", FAB)
    write(tmp_path, f"{CLASS}AUTH_ROLES_MAPPING = 7\n")
    assert "AUTH_ROLES_MAPPING" in refused()


def test_options_and_dicts_are_never_stood_in_for(airflow: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They may hold a client secret, so nothing is kept of them."""
    airflow.delenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE")
    airflow.setenv("AIRFLOW__OIDC_AUTH__PRESET", "okta")
    assert refused()
    airflow.delenv("AIRFLOW__OIDC_AUTH__PRESET")
    airflow.setenv("AIRFLOW__CORE__AUTH_MANAGER", FAB)
    write(tmp_path, f'{CLASS}OIDC_AUTH = {{"version": 1}}\n')
    assert refused()


def test_a_document_that_can_be_used_is_used_without_asking_the_database(tmp_path: Path) -> None:
    (tmp_path / "oidc_auth.yaml").write_text(GOOD, encoding="utf-8")
    assert start() == []
