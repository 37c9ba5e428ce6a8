"""``airflow oidc check`` and ``explain`` in FAB mode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_oidc_auth.fab import existing_roles
from airflow_oidc_auth.testing import FakeIdp
from tests.unit.cli.running import Oidc
from tests.unit.cli.test_check import SECRET
from tests.unit.fab.webserver_files import CLASS, write


@pytest.fixture
def idp():
    with FakeIdp(client_secret=SECRET) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idp: FakeIdp) -> Path:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "airflow_oidc_auth.OidcFabAuthManager")
    monkeypatch.setenv("AIRFLOW__FAB__CONFIG_FILE", str(tmp_path / "webserver_config.py"))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080")
    monkeypatch.setenv("THE_SECRET", SECRET)
    write(
        tmp_path,
        f"""{CLASS}
AUTH_USER_REGISTRATION = True
AUTH_ROLES_MAPPING = {{"admins": ["Admin"], "nights": ["Night Shift"]}}
OIDC_AUTH = {{"version": 1, "providers": {{"company": {{
    "preset": "oidc", "issuer": "{idp.issuer}", "client_id": "airflow", "client_secret": {{"env": "THE_SECRET"}}}}}}}}
""",
    )
    return tmp_path


def have_roles(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(existing_roles, "read_existing_roles", lambda: frozenset(names))


def test_a_good_file_is_ready_and_says_that_it_is_fab_mode(
    oidc: Oidc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_roles(monkeypatch, "Admin", "Night Shift")
    checked = oidc("check")
    assert checked.code == 0, checked.out
    assert f"Configuration (FAB mode, OIDC_AUTH in {folder}/webserver_config.py)" in checked.out
    assert "no multi-team and no rights per connection, variable or pool" in checked.out
    assert "1 provider, 2 rules" in checked.out
    assert SECRET not in checked.out + checked.err


def test_a_role_that_fab_does_not_have_is_an_error(oidc: Oidc, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have_roles(monkeypatch, "Admin", "Night Shifts")
    checked = oidc("check")
    assert checked.code == 1
    assert "AUTH_ROLES_MAPPING['nights']: FAB has no role 'Night Shift'" in checked.out
    assert "did you mean Night Shifts?" in checked.out
    assert "1 role missing in FAB" in checked.out
    assert [each["path"] for each in oidc("check", "--json").data["errors"]] == ["AUTH_ROLES_MAPPING['nights']"]


def test_before_fab_made_its_roles_only_others_are_missing(
    oidc: Oidc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_roles(monkeypatch)
    checked = oidc("check")
    assert "FAB has no roles yet" in checked.out
    assert "FAB has no role 'Night Shift'" in checked.out
    assert "FAB has no role 'Admin'" not in checked.out


def test_init_names_the_setting_of_fab_mode(oidc: Oidc, folder: Path) -> None:
    assert (
        f'Set OIDC_AUTH = "{folder}/okta.yaml" in webserver_config.py'
        in oidc("init", "okta", "--output", "okta.yaml").out
    )


def test_offline_looks_up_no_role(oidc: Oidc, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(existing_roles, "read_existing_roles", lambda: pytest.fail("asked the database"))
    checked = oidc("check", "--offline")
    assert checked.code == 0
    assert "not looked up (--offline)" in checked.out


def test_before_the_switch_only_the_auth_manager_of_fab_mode_is_suggested(
    oidc: Oidc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", stock)
    (warning,) = (w for w in oidc("check", "--json").data["warnings"] if w["path"] == "[core] auth_manager")
    assert warning["suggestion"] == "set it to airflow_oidc_auth.OidcFabAuthManager"


def test_a_database_without_fabs_tables_is_a_note_that_says_what_makes_them(
    oidc: Oidc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(existing_roles, "read_existing_roles", lambda: None)
    notes = " ".join(oidc("check", "--json").data["notes"])
    assert "its tables cannot be read here. `airflow db migrate` makes them" in notes


@pytest.mark.parametrize(
    ("manager", "text", "suggestion"),
    [
        ("OidcFABAuthManager", "which does not exist", "did you mean airflow_oidc_auth.OidcFabAuthManager?"),
        ("OidcAuthManager", "which does not read {file}", "set it to airflow_oidc_auth.OidcFabAuthManager"),
    ],
)
def test_the_wrong_auth_manager_is_told_beside_what_it_misses(
    oidc: Oidc, folder: Path, monkeypatch: pytest.MonkeyPatch, manager: str, text: str, suggestion: str
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", f"airflow_oidc_auth.{manager}")
    checked = oidc("check", "--json")
    assert checked.code == 3
    found = checked.data["problems"][0]
    assert found["path"] == "[core] auth_manager"
    assert found["text"].endswith(text.format(file=folder / "webserver_config.py"))
    assert found["suggestion"].startswith(suggestion)


def test_a_broken_file_is_bad_configuration(oidc: Oidc, folder: Path) -> None:
    write(folder, "x = = 1\n")
    checked = oidc("check", "--json")
    assert checked.code == 3
    (found,) = checked.data["problems"]
    assert found["where"] == f"{folder}/webserver_config.py:1"


def test_explain_evaluates_fabs_mapping_and_leaves_permissions_to_fab(oidc: Oidc, folder: Path) -> None:
    claims = folder / "claims.json"
    claims.write_text(json.dumps({"sub": "1", "groups": ["nights"]}))
    explained = oidc("explain", "--claims", str(claims), "--permissions")
    assert explained.code == 0
    assert "AUTH_ROLES_MAPPING['nights']" in explained.out
    assert "what they allow, is in FAB's database" in explained.out
    assert "May do" not in explained.out
    assert oidc("explain", "--claims", str(claims), "--json").data["roles"] == ["Night Shift"]
