from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_oidc_auth.cli import check as check_command
from airflow_oidc_auth.cli.check_report import Address, CheckReport, ProviderReport
from airflow_oidc_auth.cli.command import ExitCode
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.testing import FakeIdp
from tests.unit.cli.running import Oidc

SECRET = "the-client-secret-that-nobody-sees"


@pytest.fixture
def idp() -> Iterator[FakeIdp]:
    with FakeIdp(client_secret=SECRET) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idp: FakeIdp) -> Path:
    path = tmp_path / "oidc_auth.yaml"
    path.write_text(
        f"""
version: 1
providers:
  company:
    {{preset: oidc, label: Company, issuer: "{idp.issuer}", client_id: airflow, client_secret: {{env: THE_SECRET}}}}
grants:
  rules:
    - {{when: {{group: admins}}, roles: [Admin]}}
"""
    )
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(path))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080/team-a/")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
    monkeypatch.setenv("THE_SECRET", SECRET)
    return path


def test_a_good_configuration_and_a_live_provider_are_ready(oidc: Oidc, config: Path, idp: FakeIdp) -> None:
    checked = oidc("check")
    assert checked.code == 0, checked.out
    assert "1 provider, 1 rule, 0 requirements" in checked.out
    assert "  discovery" in checked.out
    assert "redirect URI              http://localhost:8080/team-a/auth/callback/company" in checked.out
    assert "post-logout redirect URI  http://localhost:8080/team-a/auth/signed-out" in checked.out
    assert "back-channel logout URI   http://localhost:8080/team-a/auth/backchannel-logout/company" in checked.out
    assert "front-channel logout URI  http://localhost:8080/team-a/auth/frontchannel-logout/company" in checked.out
    assert "Ready to sign in." in checked.out
    assert SECRET not in checked.out + checked.err


def test_json_tells_findings_and_addresses(oidc: Oidc, config: Path, idp: FakeIdp) -> None:
    data = oidc("check", "--json").data
    (provider,) = data["providers"]
    assert (data["ok"], data["exit_code"], data["problems"]) == (True, 0, [])
    assert provider["issuer"] == idp.issuer
    assert provider["redirect_uri"] == "http://localhost:8080/team-a/auth/callback/company"
    assert {"discovery", "issuer", "keys", "algorithms"} <= {finding["check"] for finding in provider["findings"]}


def test_offline_asks_nobody_and_needs_no_secret(
    oidc: Oidc, config: Path, idp: FakeIdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THE_SECRET")
    checked = oidc("check", "--offline")
    assert checked.code == 0
    assert "were not asked (--offline)" in checked.out
    assert idp.requests == []


def test_a_provider_that_is_down_is_a_failure(oidc: Oidc, config: Path, idp: FakeIdp) -> None:
    config.write_text(config.read_text().replace(idp.issuer, "http://127.0.0.1:9"))
    checked = oidc("check")
    assert checked.code == 1
    assert "ERROR" in checked.out
    assert "Sign-in would fail: 1 error at the identity provider." in checked.out


def test_a_wrong_secret_is_told_before_anybody_signs_in(
    oidc: Oidc, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", "last year's secret")
    checked = oidc("check")
    assert checked.code == 1
    assert "client id or credentials refused" in checked.out
    assert "last year's secret" not in checked.out + checked.err


def test_without_a_document_a_suggestion_names_the_option(
    oidc: Oidc, idp: FakeIdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"PRESET": "oidc", "ISSUER": f"{idp.issuer}/elsewhere", "CLIENT_ID": "airflow", "CLIENT_SECRET": SECRET}
    monkeypatch.delenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", raising=False)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080")
    for name, value in {**options, "ROLE_MAPPING": '{"admins": "Admin"}'}.items():
        monkeypatch.setenv(f"AIRFLOW__OIDC_AUTH__{name}", value)
    checked = oidc("check")
    assert checked.code == 1
    assert "Set `[oidc_auth] issuer` to" in checked.out


def test_a_missing_secret_does_not_hide_what_to_register(
    oidc: Oidc, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THE_SECRET")
    checked = oidc("check")
    assert checked.code == 3
    assert "THE_SECRET is not set" in checked.out
    assert "/auth/callback/company" in checked.out
    assert "discovery" in checked.out


def test_every_problem_is_told_at_once(oidc: Oidc, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    config.write_text(config.read_text().replace("[Admin]", "[Amdin]").replace("group: admins", 'group_regex: "("'))
    checked = oidc("check", "--json")
    assert checked.code == 3
    problems = {problem["path"]: problem for problem in checked.data["problems"]}
    assert {
        "[api] base_url",
        "[core] fernet_key",
        "grants.rules[0].roles[0]",
        "grants.rules[0].when.group_regex",
    } <= set(problems)
    assert "Admin" in problems["grants.rules[0].roles[0]"]["suggestion"]
    assert problems["grants.rules[0].roles[0]"]["where"].startswith(str(config))


def test_nothing_configured_says_what_to_set(oidc: Oidc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", raising=False)
    checked = oidc("check")
    assert checked.code == 3
    assert "[oidc_auth] config_file: nothing is configured" in checked.out


def test_no_rule_for_admin_is_a_warning(oidc: Oidc, config: Path) -> None:
    config.write_text(config.read_text().replace("[Admin]", "[Viewer]"))
    checked = oidc("check")
    assert checked.code == 0
    assert "no rule grants Admin" in checked.out
    assert "warning" in checked.out


def report(*levels: str, problems: tuple[Problem, ...] = (), logout: str = "https://a/out") -> CheckReport:
    findings = tuple(Finding(level, f"c{n}", "text", "do this") for n, level in enumerate(levels))
    addresses = (Address("a", "redirect URI", "https://a/cb"), Address("b", "post-logout redirect URI", logout))
    provider = ProviderReport("okta", "Login", "Okta", "https://i", addresses, findings)
    return CheckReport("file.yaml", problems=problems, rules=1, providers=(provider,))


@pytest.mark.parametrize(
    ("found", "code", "verdict"),
    [
        (report("ok"), ExitCode.OK, "Ready to sign in."),
        (report("ok", "warning"), ExitCode.OK, "Ready to sign in. 1 warning."),
        (report("error", "error"), ExitCode.FAILED, "Sign-in would fail: 2 errors at the identity provider."),
        (
            report("error", problems=(Problem("p", "t"),)),
            ExitCode.BAD_CONFIGURATION,
            "The API server would not start: 1 problem.",
        ),
    ],
)
def test_the_verdict_comes_last_and_fits_the_exit_code(found: CheckReport, code: ExitCode, verdict: str) -> None:
    assert found.exit_code is code
    assert found.text()[-2:] == [f"  {verdict}", ""]


def test_an_address_that_is_not_used_is_not_to_be_registered() -> None:
    assert not any("post-logout" in line for line in report("ok", logout="").text())


@pytest.mark.parametrize("multi_team", ["False", "True"])
def test_rules_within_teams_are_warned_about_where_airflow_has_none(
    oidc: Oidc, config: Path, monkeypatch: pytest.MonkeyPatch, multi_team: str
) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text + "    - {when: {group: blue}, roles: [User], teams: [blue]}\n", encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", multi_team)
    warned = "grants.rules[1].teams" in [each["path"] for each in oidc("check", "--offline", "--json").data["warnings"]]
    assert warned is (multi_team == "False")


def test_rules_are_held_against_airflows_teams(oidc: Oidc, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text + "    - {when: {group: blue}, roles: [User], teams: [blu]}\n", encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    monkeypatch.setattr(check_command, "read_teams", lambda: {"blue", "red"})
    checked = oidc("check")
    assert (checked.code, "did you mean blue?" in checked.out) == (3, True)


def test_teams_that_cannot_be_read_are_a_warning(oidc: Oidc, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> set[str]:
        raise ConfigurationError([Problem("[core] multi_team", "the teams cannot be read")])

    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    monkeypatch.setattr(check_command, "read_teams", fail)
    checked = oidc("check")
    assert (checked.code, "the teams cannot be read" in checked.out) == (0, True)
