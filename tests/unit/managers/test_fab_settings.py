"""FAB mode's settings, from wherever they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.managers.document_source import read_document_file
from airflow_oidc_auth.managers.settings import Settings, load_settings
from tests.unit.fab.webserver_files import CLASS, GOOD, write

OURS = "airflow_oidc_auth.OidcFabAuthManager"
STOCK = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
WITHOUT_DOCUMENT = f'{CLASS}AUTH_USER_REGISTRATION = True\nAUTH_ROLES_MAPPING = {{"admins": ["Admin"]}}\n'
YAML = """
version: 1
providers: {okta: {preset: okta, issuer: https://acme.okta.com, client_id: 0oa1, client_secret: {env: THE_SECRET}}}
"""
RULES = "grants: {keep_assigned_roles: true, rules: [{when: {group: ops}, roles: [Night Shift]}]}\n"


@pytest.fixture(autouse=True)
def fab_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", OURS)
    monkeypatch.setenv("AIRFLOW__FAB__CONFIG_FILE", str(tmp_path / "webserver_config.py"))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    monkeypatch.setenv("THE_SECRET", "made up")
    return monkeypatch


def set_options(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    options = {"preset": "okta", "issuer": "https://acme.okta.com", "client_id": "0oa1", "client_secret": "made up"}
    for name, value in {**options, **more}.items():
        monkeypatch.setenv(f"AIRFLOW__OIDC_AUTH__{name.upper()}", value)


def load(folder: Path, text: str) -> Settings:
    write(folder, text)
    return load_settings(resolve_secrets=True)


def problems(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text).compile()
    return list(caught.value.problems)


def rule_names(settings: Settings) -> list[str]:
    return [rule.settings.name for rule in settings.compile().grants.rules]


def test_a_dict_in_webserver_config_is_the_document(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert list(settings.compile().providers) == ["okta"]
    assert settings.fab is not None
    assert (settings.fab.registration, settings.fab.keep_assigned_roles) == (True, False)
    assert settings.config_file is None
    assert settings.source == f"OIDC_AUTH in {tmp_path}/webserver_config.py"


def test_a_path_in_webserver_config_names_the_yaml_which_is_watched(tmp_path: Path) -> None:
    (tmp_path / "oidc.yaml").write_text(YAML + RULES)
    settings = load(tmp_path, f"{WITHOUT_DOCUMENT}OIDC_AUTH = '{tmp_path}/oidc.yaml'\n")
    assert settings.config_file == f"{tmp_path}/oidc.yaml"
    assert rule_names(settings) == ["rule 1", "AUTH_ROLES_MAPPING['admins']"]
    assert settings.fab is not None
    assert settings.fab.keep_assigned_roles
    assert settings.compile().keep_assigned_roles


def test_fabs_mapping_survives_a_reload_of_the_yaml(tmp_path: Path) -> None:
    path = tmp_path / "oidc.yaml"
    path.write_text(YAML + RULES)
    settings = load(tmp_path, f"{WITHOUT_DOCUMENT}OIDC_AUTH = '{path}'\n")
    path.write_text(YAML)
    compiled = settings.compile_document(read_document_file(str(path)))
    assert [rule.settings.name for rule in compiled.grants.rules] == ["AUTH_ROLES_MAPPING['admins']"]


def test_problems_of_the_yaml_are_told_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "oidc.yaml").write_text(YAML.replace("0oa1", "[]"))
    (found,) = problems(tmp_path, f"{WITHOUT_DOCUMENT}OIDC_AUTH = '{tmp_path}/oidc.yaml'\n")
    assert (found.path, found.where) == ("providers.okta.client_id", f"{tmp_path}/oidc.yaml:3")


def test_a_yaml_that_is_not_there_is_a_problem_of_the_setting_that_names_it(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f"{WITHOUT_DOCUMENT}OIDC_AUTH = '/no/such.yaml'\n")
    assert found.path == "OIDC_AUTH"


def test_the_document_may_come_from_airflow_cfg(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    (tmp_path / "oidc.yaml").write_text(YAML)
    fab_mode.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(tmp_path / "oidc.yaml"))
    settings = load(tmp_path, WITHOUT_DOCUMENT)
    assert rule_names(settings) == ["AUTH_ROLES_MAPPING['admins']"]
    assert settings.source == str(tmp_path / "oidc.yaml")


def test_options_of_airflow_cfg_need_no_mapping_where_fab_has_one(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    set_options(fab_mode)
    assert rule_names(load(tmp_path, WITHOUT_DOCUMENT)) == ["AUTH_ROLES_MAPPING['admins']"]
    fab_mode.setenv("AIRFLOW__OIDC_AUTH__ROLE_MAPPING", '{"data": "Analyst"}')
    assert rule_names(load(tmp_path, WITHOUT_DOCUMENT)) == ["role_mapping: data", "AUTH_ROLES_MAPPING['admins']"]


def test_without_any_mapping_nobody_could_sign_in(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    set_options(fab_mode)
    assert "[oidc_auth] role_mapping" in {each.path for each in problems(tmp_path, CLASS)}


@pytest.mark.parametrize("name", ["config_file", "role_mapping", "issuer"])
def test_two_sources_are_a_problem_that_names_both(tmp_path: Path, fab_mode: pytest.MonkeyPatch, name: str) -> None:
    fab_mode.setenv(f"AIRFLOW__OIDC_AUTH__{name.upper()}", "/x")
    (found,) = problems(tmp_path, GOOD)
    assert (found.path, found.text) == ("OIDC_AUTH", f"is set, and so is [oidc_auth] {name}")


def test_no_source_is_a_problem_that_knows_a_misspelt_name(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, WITHOUT_DOCUMENT)
    assert (found.path, found.text[:10]) == ("OIDC_AUTH", "is missing")
    (found,) = problems(tmp_path, WITHOUT_DOCUMENT + "OIDC_AUHT = {}\n")
    assert (found.path, found.suggestion) == ("OIDC_AUHT", "did you mean OIDC_AUTH?")


def test_a_file_that_cannot_be_run_is_the_only_problem_and_opens_nothing(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD + "1 +\n")
    assert ["is not valid Python" in each.text for each in settings.problems] == [True]
    assert settings.fab is not None
    assert not settings.fab.registration


def test_every_problem_of_every_part_is_told_at_once(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    fab_mode.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    text = GOOD.replace('["Admin"]', '"Admin"').replace("= True", "= 'True'").replace("0oa1", " ")
    paths = {each.path for each in problems(tmp_path, text.replace("= OidcSecurityManager", "= object"))}
    assert paths == {
        "[core] fernet_key",
        "SECURITY_MANAGER_CLASS",
        "AUTH_USER_REGISTRATION",
        "AUTH_ROLES_MAPPING['admins']",
        "OIDC_AUTH.providers.okta.client_id",
    }


def test_roles_of_any_name_may_be_mapped_since_fab_knows_them(tmp_path: Path) -> None:
    text = GOOD.replace("Admin", "Night Shift")
    assert load(tmp_path, text).compile().grants.rules[0].settings.roles == ("Night Shift",)


def test_custom_roles_of_the_document_are_a_problem_that_says_where_roles_are(tmp_path: Path) -> None:
    (tmp_path / "oidc.yaml").write_text(YAML + RULES + "roles: {Analyst: {}}\n")
    (found,) = problems(tmp_path, f"{WITHOUT_DOCUMENT}OIDC_AUTH = '{tmp_path}/oidc.yaml'\n")
    assert (found.path, "airflow roles" in found.suggestion) == ("roles", True)


def test_keeping_assigned_roles_is_a_problem_in_native_mode(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    (tmp_path / "oidc.yaml").write_text(YAML + RULES.replace("Night Shift", "Op"))
    fab_mode.setenv("AIRFLOW__CORE__AUTH_MANAGER", "airflow_oidc_auth.OidcAuthManager")
    fab_mode.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(tmp_path / "oidc.yaml"))
    (found,) = problems(tmp_path, "raise SystemExit\n")
    assert (found.path, found.text[:23]) == ("grants.keep_assigned_roles", "exists only in FAB mode")


def test_multi_team_is_a_problem_in_fab_mode(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    fab_mode.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    assert [each.path for each in problems(tmp_path, GOOD)] == ["[core] multi_team"]


def test_settings_without_effect_are_warned_about_in_both_files(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    fab_mode.setenv("AIRFLOW__FAB__AUTH_ROLE_PUBLIC", "Admin")
    fab_mode.setenv("AIRFLOW__FAB__SESSION_BACKEND", "securecookie")
    fab_mode.setenv("AIRFLOW__FAB__COOKIE_SAMESITE", "Lax")  # the default
    warned = {each.path for each in load(tmp_path, GOOD + "AUTH_TYPE = 4\n").warnings}
    assert {"AUTH_TYPE", "[fab] auth_role_public", "[fab] session_backend"} <= warned
    assert "[fab] cookie_samesite" not in warned


def test_before_the_switch_the_file_is_read_under_fabs_own_manager(
    tmp_path: Path, fab_mode: pytest.MonkeyPatch
) -> None:
    fab_mode.setenv("AIRFLOW__CORE__AUTH_MANAGER", STOCK)
    settings = load(tmp_path, GOOD)
    assert settings.fab is not None
    assert list(settings.compile().providers) == ["okta"]
    assert "is not active" in str(settings.warnings)


def test_who_prepares_the_native_manager_under_fabs_own_reads_no_webserver_config(
    tmp_path: Path, fab_mode: pytest.MonkeyPatch
) -> None:
    fab_mode.setenv("AIRFLOW__CORE__AUTH_MANAGER", STOCK)
    set_options(fab_mode, role_mapping='{"admins": "Admin"}')
    assert load(tmp_path, "raise SystemExit\n").fab is None


def test_who_prepares_fab_mode_with_options_of_airflow_cfg_is_recognised_by_the_class(
    tmp_path: Path, fab_mode: pytest.MonkeyPatch
) -> None:
    fab_mode.setenv("AIRFLOW__CORE__AUTH_MANAGER", STOCK)
    set_options(fab_mode, role_mapping='{"nights": "Night Shift"}')
    assert rule_names(load(tmp_path, WITHOUT_DOCUMENT)) == ["role_mapping: nights", "AUTH_ROLES_MAPPING['admins']"]


def test_a_subclass_of_another_name_may_say_that_it_is_fab_mode(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    fab_mode.setenv("AIRFLOW__CORE__AUTH_MANAGER", "company.auth.CompanyAuthManager")
    write(tmp_path, GOOD)
    assert load_settings(resolve_secrets=True, fab_mode=True).fab is not None
    assert load_settings(resolve_secrets=True).fab is None


def test_offline_needs_no_secret(tmp_path: Path, fab_mode: pytest.MonkeyPatch) -> None:
    fab_mode.delenv("THE_SECRET")
    write(tmp_path, GOOD)
    assert list(load_settings(resolve_secrets=False).compile().providers) == ["okta"]
