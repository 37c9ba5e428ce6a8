"""examples/docker-compose: the file's structure, its variables, and who sees the secret. It is not run with Docker."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "docker-compose"
TEXT = (FOLDER / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
AIRFLOW = ("migrate", "api-server", "scheduler", "dag-processor")
MODULES = {
    "build",
    "command",
    "depends_on",
    "environment",
    "healthcheck",
    "image",
    "ports",
    "restart",
    "secrets",
    "volumes",
}


def test_every_service_has_only_keys_that_compose_knows() -> None:
    assert {key for service in SERVICES.values() for key in service} <= MODULES


def test_every_component_of_airflow_is_there_and_runs_the_same_image() -> None:
    assert set(SERVICES) == {"postgres", *AIRFLOW}
    assert {SERVICES[name]["image"] for name in AIRFLOW} == {"airflow-oidc:3.3.2-0.1.0"}


def test_only_the_api_server_sees_the_client_secret() -> None:
    holders = [name for name, service in SERVICES.items() if "oidc_client_secret" in str(service)]
    assert holders == ["api-server"]
    assert list(COMPOSE["secrets"]) == SERVICES["api-server"]["secrets"]


def test_the_api_server_has_every_setting_of_the_others_too() -> None:
    shared = COMPOSE["x-airflow"]["environment"]
    assert shared.items() <= SERVICES["api-server"]["environment"].items()
    assert shared["AIRFLOW__CORE__AUTH_MANAGER"] == "airflow_oidc_auth.OidcAuthManager"


def test_the_readme_names_every_variable_that_must_be_set() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{(\w+):[?-]", TEXT))
    assert wanted == set(re.findall(r"^    (\w+)=", readme, re.MULTILINE))


def test_every_dependency_and_volume_exists() -> None:
    dependencies = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    assert dependencies <= set(SERVICES)
    named = {entry.partition(":")[0] for service in SERVICES.values() for entry in service.get("volumes", [])}
    assert {name for name in named if not name.startswith(".")} == set(COMPOSE["volumes"])
