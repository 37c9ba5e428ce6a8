"""``airflow oidc check`` for programs and terminals: issuers that nobody signs in with, and what programs need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_oidc_auth.cli.check_machines import diagnose_machines, diagnose_workload, missing_client_roles
from airflow_oidc_auth.config.compiled import TokenClient, TokenSettings
from airflow_oidc_auth.providers.settings import ApiSettings, CliSettings, ProviderSettings
from airflow_oidc_auth.testing import FakeIdp, RecordedTransport
from airflow_oidc_auth.testing.keys import SigningKeys
from tests.unit.cli.running import Oidc

OURS = "https://airflow.example.com"
CLUSTER = "https://kubernetes.default.svc"
NOW = 1_800_000_000


@pytest.fixture
def idp() -> Iterator[FakeIdp]:
    with FakeIdp(client_secret="the-client-secret") as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idp: FakeIdp) -> Path:
    path = tmp_path / "oidc_auth.yaml"
    path.write_text(
        f"""
version: 1
providers:
  company:
    preset: oidc
    issuer: "{idp.issuer}"
    client_id: airflow
    client_secret: {{env: THE_SECRET}}
    api: {{audience: {OURS}}}
  ci: {{preset: jwt, issuer: "{idp.issuer}", audience: urn:airflow:ci, label: CI}}
grants:
  rules:
    - {{when: {{group: admins}}, roles: [Admin]}}
    - {{provider: ci, when: {{claims: {{sub: etl}}}}, roles: [User]}}
"""
    )
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(path))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080/")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
    monkeypatch.setenv("THE_SECRET", "the-client-secret")
    return path


def test_an_issuer_of_programs_is_asked_for_its_keys_and_nothing_is_to_be_registered(
    oidc: Oidc, config: Path, idp: FakeIdp
) -> None:
    checked = oidc("check")
    assert checked.code == 0, checked.out
    told = checked.out.partition("Let programs ask CI (ci)")[2]
    assert "audience of tokens  urn:airflow:ci" in told
    assert "redirect URI" not in told
    assert f"takes tokens for {OURS}, of the type at+jwt" in checked.out
    data = oidc("check", "--json").data["providers"][1]
    assert (data["audiences"], data.get("redirect_uri")) == (["urn:airflow:ci"], None)
    assert {"issuer", "keys", "api"} <= {each["check"] for each in data["findings"]}


def test_an_issuer_that_is_down_is_a_failure(oidc: Oidc, config: Path) -> None:
    text = config.read_text()
    config.write_text(text.replace("preset: jwt, issuer:", "preset: jwt, jwks_file: /nowhere/keys, issuer:"))
    assert oidc("check").code == 3
    first, _, rest = text.partition("ci: {")
    config.write_text(first + "ci: {" + rest.replace("http://127.0.0.1", "http://localhost:9/127.0.0.1", 1))
    checked = oidc("check")
    assert checked.code == 1
    assert "set `http.ca_file`" not in checked.out
    assert "Programs would fail: 1 error" in checked.out


def test_a_store_of_rate_limits_that_does_not_answer_is_told_with_what_happens_meanwhile(
    oidc: Oidc, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATE_LIMIT_STORE", "redis://:the-password@127.0.0.1:9/0")
    config.write_text(config.read_text() + "rate_limits: {storage: {env: RATE_LIMIT_STORE}}\n")
    checked = oidc("check", "--json")
    (told,) = [each for each in checked.data["warnings"] if each["path"] == "rate_limits.storage"]
    assert checked.code == 0
    assert "each API server process counts for itself" in told["text"]
    assert "the-password" not in checked.out
    assert "rate_limits.storage" not in oidc("check", "--offline").out


def test_rules_that_strangers_could_meet_keep_the_server_from_starting(oidc: Oidc, config: Path) -> None:
    config.write_text(config.read_text().replace("when: {claims: {sub: etl}}", "when: {everyone: true}"))
    checked = oidc("check", "--offline")
    assert checked.code == 3
    assert "may hold for any program with a token of this issuer" in checked.out


def workload(preset: str = "kubernetes", **changes: object) -> ProviderSettings:
    settings: dict[str, object] = {"api": ApiSettings((OURS,)), "signs_in": False, "client_auth": "none", **changes}
    return ProviderSettings("cluster", "Cluster", preset, CLUSTER, "", **settings)  # type: ignore[arg-type]


def test_a_cluster_that_shows_its_keys_to_nobody_is_told_how_to(tmp_path: Path) -> None:
    transport = RecordedTransport()
    transport.answer("GET", f"{CLUSTER}/.well-known/openid-configuration", {"kind": "Status"}, status=401)
    (finding, *_) = diagnose_workload(workload(), transport, lambda: NOW)
    assert (finding.level, finding.check) == ("error", "keys")
    assert "system:service-account-issuer-discovery" in finding.suggestion


def test_keys_from_a_file_need_no_network(tmp_path: Path) -> None:
    import json

    (tmp_path / "jwks.json").write_text(json.dumps({"keys": SigningKeys().public_keys()}))
    settings = workload(jwks_file=str(tmp_path / "jwks.json"), algorithms=("RS256",))
    found = diagnose_workload(settings, RecordedTransport(), lambda: NOW)
    assert [each.level for each in found] == ["ok", "ok", "ok"]


def person(**changes: object) -> ProviderSettings:
    return ProviderSettings("idp", "IdP", "oidc", "https://idp.example.com", "web", **changes)  # type: ignore[arg-type]


def announced(**more: object) -> RecordedTransport:
    transport = RecordedTransport()
    base = "https://idp.example.com"
    document = {"issuer": base, "jwks_uri": f"{base}/k", "authorization_endpoint": f"{base}/a"}
    document = {**document, "token_endpoint": f"{base}/t", **more}
    transport.answer("GET", f"{base}/.well-known/openid-configuration", document)
    return transport


def test_opaque_tokens_without_introspection_are_an_error() -> None:
    settings = person(api=ApiSettings((OURS,), opaque=True))
    levels = {each.check: each.level for each in diagnose_machines(settings, announced(), lambda: NOW)}
    assert levels == {"api": "ok", "introspection": "error"}
    asked = announced(introspection_endpoint="https://idp.example.com/i")
    assert {each.level for each in diagnose_machines(settings, asked, lambda: NOW)} == {"ok"}


def test_a_provider_without_a_device_flow_is_a_warning() -> None:
    settings = person(cli=CliSettings("terminal"))
    assert [each.level for each in diagnose_machines(settings, announced(), lambda: NOW)] == ["warning"]
    offered = announced(device_authorization_endpoint="https://idp.example.com/d")
    assert [each.level for each in diagnose_machines(settings, offered, lambda: NOW)] == ["ok"]


def test_a_role_of_a_token_client_that_fab_does_not_have_is_told() -> None:
    tokens = TokenSettings(clients=(TokenClient("dbt", None, "/x", ("User", "Loader")),))
    assert [each.path for each in missing_client_roles(tokens, ["User", "Loaders"])] == ["tokens.clients.dbt.roles[1]"]


def test_without_api_and_cli_nothing_more_is_asked() -> None:
    transport = RecordedTransport()
    assert diagnose_machines(person(), transport, lambda: NOW) == ()
