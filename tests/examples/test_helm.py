"""examples/helm: what the official chart made of our values. ``scripts/render_helm`` wrote the facts down."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from airflow_oidc_auth.config.single import document_from_options
from airflow_oidc_auth.secret import Secret

ROOT = Path(__file__).resolve().parents[2]
VALUES = ROOT / "examples" / "helm" / "values.yaml"
RENDERED = json.loads((Path(__file__).parent / "rendered.json").read_text(encoding="utf-8"))
IMAGE = "registry.example.com/airflow-oidc:3.3.2-0.1.0"
CONTAINERS = {
    (workload, name): container
    for workload, containers in RENDERED["workloads"].items()
    for name, container in containers.items()
}
COMPONENTS = ["api-server", "scheduler", "dag-processor", "triggerer", "worker", "run-airflow-migrations"]


def test_the_facts_are_of_these_values() -> None:
    digest = hashlib.sha256(VALUES.read_bytes()).hexdigest()
    assert RENDERED["values_sha256"] == digest, "values.yaml has changed: run scripts/render_helm CHART"


def test_the_client_secret_reaches_the_api_server_and_nothing_else() -> None:
    holders = {
        name
        for name, container in CONTAINERS.items()
        for variable, source in container["env"].items()
        if "CLIENT_SECRET" in variable or source.startswith("secret airflow-oidc/")
    }
    assert holders == {("Deployment airflow-api-server", "api-server")}
    assert "client_secret" not in RENDERED["airflow_cfg"]["oidc_auth"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_runs_the_image_with_the_package(component: str) -> None:
    images = {container["image"] for (_, name), container in CONTAINERS.items() if name == component}
    assert images == {IMAGE}


def test_no_job_creates_a_password_user() -> None:
    assert not [workload for workload in RENDERED["workloads"] if "create-user" in workload]


def test_the_keys_that_servers_must_share_come_from_secrets() -> None:
    env = CONTAINERS["Deployment airflow-api-server", "api-server"]["env"]
    assert env["AIRFLOW__API_AUTH__JWT_SECRET"] == "secret airflow-jwt-secret/jwt-secret"
    assert env["AIRFLOW__CORE__FERNET_KEY"] == "secret airflow-fernet-key/fernet-key"
    assert env["AIRFLOW__API__SECRET_KEY"] == "secret airflow-api-secret-key/api-secret-key"


def test_the_image_has_the_version_of_airflow_and_of_this_package() -> None:
    dockerfile = (VALUES.parent / "Dockerfile").read_text(encoding="utf-8")
    airflow, package = IMAGE.rpartition(":")[2].split("-")
    assert f"FROM apache/airflow:{airflow}\n" in dockerfile
    assert f"airflow-oidc-auth=={package}\n" in dockerfile


def test_the_rendered_airflow_cfg_is_a_configuration_that_compiles(compiles) -> None:
    configuration = RENDERED["airflow_cfg"]
    assert configuration["core"]["auth_manager"] == "airflow_oidc_auth.OidcAuthManager"
    assert configuration["api"]["base_url"].startswith("https://")
    compiled = compiles(document_from_options(**configuration["oidc_auth"], client_secret=Secret("made up")))
    assert list(compiled.providers) == ["okta"]
