"""The command on a real database with FAB's tables, and without them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, insert, text
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.config.strict_yaml import parse_yaml
from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS
from airflow_oidc_auth.policy.fab import METHOD_OF_ACTION
from tests.unit.cli.running import Oidc

VIEWER = {
    (action, resource)
    for method, resource in BUILTIN_PAIRS["Viewer"]
    for action, each in METHOD_OF_ACTION.items()
    if each == method
}
ROLES = {
    "Viewer": VIEWER,
    "finance": {
        *(("can_read", "DAG:finance_daily"), ("can_edit", "DAG:finance_daily"), ("can_read", "DAG Runs")),
        *(("can_create", "DAG Run:finance_daily"), ("menu_access", "A Plugin's View")),
    },
}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    made = create_engine(f"sqlite:///{tmp_path / 'fab.db'}")
    monkeypatch.setattr("airflow_oidc_auth.cli.fab_roles.airflow_transactions", sessionmaker(made).begin)
    yield made
    made.dispose()


@pytest.fixture
def fab(engine: Engine) -> Engine:
    from airflow.providers.fab.auth_manager import models

    models.Model.metadata.create_all(engine)
    with engine.begin() as connection:
        pairs = sorted(set().union(*ROLES.values()))
        actions = sorted({action for action, _ in pairs})
        resources = sorted({resource for _, resource in pairs})
        for model, names in ((models.Action, actions), (models.Resource, resources), (models.Role, sorted(ROLES))):
            connection.execute(insert(model), [{"id": n, "name": name} for n, name in enumerate(names, 1)])
        for number, (action, resource) in enumerate(pairs, 1):
            ids = {
                "id": number,
                "permission_id": actions.index(action) + 1,
                "view_menu_id": resources.index(resource) + 1,
            }
            connection.execute(insert(models.Permission.__table__), ids)
        for role, given in ROLES.items():
            rows = [
                {"role_id": sorted(ROLES).index(role) + 1, "permission_view_id": pairs.index(pair) + 1}
                for pair in given
            ]
            connection.execute(insert(models.assoc_permission_role), rows)
        # What FAB leaves behind when a role is deleted on a database without foreign keys.
        connection.execute(insert(models.assoc_permission_role), {"role_id": 99, "permission_view_id": 1})
    return engine


def test_the_section_goes_to_standard_output_and_the_warnings_to_standard_error(oidc: Oidc, fab: Engine) -> None:
    run = oidc("export-roles")
    assert run.code == 0
    assert parse_yaml(run.out).data == {
        "roles": {
            "finance": {
                "allow": [
                    {"actions": ["read"], "resources": ["DAG Runs"]},
                    {"actions": ["read", "edit"], "dags": ["finance_daily"]},
                    {"actions": ["menu"], "custom_views": ["A Plugin's View"]},
                ]
            }
        }
    }
    assert "# NOT EXPORTED from finance: can create on DAG Run:finance_daily" in run.out
    assert "can create on DAG Run:finance_daily" in run.err


def test_json_names_what_is_not_exported(oidc: Oidc, fab: Engine) -> None:
    run = oidc("export-roles", "--json")
    assert run.err == ""
    assert list(run.data["roles"]) == ["finance"]
    (missing,) = run.data["not_exported"]
    assert missing["permissions"] == [{"action": "can_create", "resource": "DAG Run:finance_daily"}]


def test_a_file_is_written_once_and_never_over_another(oidc: Oidc, fab: Engine, tmp_path: Path) -> None:
    assert oidc("export-roles", "--output", "roles.yaml").code == 0
    document = (tmp_path / "roles.yaml").read_text()
    assert "finance_daily" in document
    again = oidc("export-roles", "--output", "roles.yaml")
    assert (again.code, "exists already" in again.err) == (1, True)
    assert (tmp_path / "roles.yaml").read_text() == document
    assert oidc("export-roles", "--output", "missing/roles.yaml").code == 1


def test_a_database_without_fab_is_told(oidc: Oidc, engine: Engine) -> None:
    run = oidc("export-roles")
    assert (run.code, run.out) == (1, "")
    assert "no roles of FAB's" in run.err


def test_a_database_with_half_of_the_tables_is_told(oidc: Oidc, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("create table ab_role (id integer, name text)"))
    run = oidc("export-roles")
    assert (run.code, run.out) == (1, "")
    assert "cannot be used" in run.err


def test_fab_itself_is_not_needed(oidc: Oidc, fab: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the move to the native manager the provider may be gone while its tables are still there."""
    monkeypatch.setitem(sys.modules, "airflow.providers.fab", None)
    assert oidc("export-roles").code == 0
