"""Which right opens which part of a DAG, page and menu item: Airflow's names, written down once more."""

from __future__ import annotations

from itertools import product

import pytest

from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS, BUILTIN_ROLES
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.pairs import compile_pairs
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.roles import RESOURCES
from airflow_oidc_auth.policy.summary import summarize

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "MENU")
PARTS = {
    ("Audit Logs",): {"AUDIT_LOG"},
    ("DAG Code",): {"CODE"},
    ("DAG Dependencies",): {"DEPENDENCIES"},
    ("HITL Detail",): {"HITL_DETAIL"},
    ("DAG Runs",): {"RUN"},
    ("Task Instances",): {"TASK"},
    ("DAG Runs", "Task Instances"): {"RUN", "TASK", "TASK_INSTANCE"},
    ("Task Logs",): {"TASK_LOGS"},
    ("DAG Versions",): {"VERSION"},
    ("DAG Warnings",): {"WARNING"},
    ("XComs",): {"XCOM"},
}
ENTITIES = (*set().union(*PARTS.values()), "SHADOW")
PAGES = {
    ("GET", "Cluster Activity"): "CLUSTER_ACTIVITY",
    ("MENU", "Documentation"): "DOCS",
    ("GET", "ImportError"): "IMPORT_ERRORS",
    ("GET", "Jobs"): "JOBS",
    ("GET", "Plugins"): "PLUGINS",
    ("GET", "Providers"): "PROVIDERS",
    ("GET", "Triggers"): "TRIGGERS",
    ("GET", "Website"): "WEBSITE",
    ("GET", "All Audit Logs"): "AUDIT_LOGS_ALL",
    ("GET", "All Import Errors"): "IMPORT_ERRORS_ALL",
    ("GET", "All Reparses"): "REPARSE_ALL",
}
MENU = {
    "Assets": {"ASSETS"},
    "Audit Logs": {"AUDIT_LOG"},
    "Configurations": {"CONFIG"},
    "Connections": {"CONNECTIONS"},
    "DAGs": {"DAGS", "DAG_BUNDLES"},
    "DAG Runs": {"DEADLINES"},
    "Documentation": {"DOCS"},
    "HITL Detail": {"REQUIRED_ACTIONS"},
    "Jobs": {"JOBS"},
    "Plugins": {"PLUGINS"},
    "Pools": {"POOLS"},
    "Providers": {"PROVIDERS"},
    "Variables": {"VARIABLES"},
    "XComs": {"XCOMS"},
}
ACTIONS = {"GET": "can_read", "POST": "can_create", "PUT": "can_edit", "DELETE": "can_delete", "MENU": "menu_access"}


def may(*pairs: tuple[str, str]) -> Permissions:
    return compile_pairs(frozenset(pairs))


@pytest.mark.parametrize("method", ["GET", "PUT", "MENU"])
@pytest.mark.parametrize("resources", PARTS)
def test_a_part_of_a_dag_is_opened_by_all_the_rights_that_airflow_names_for_it(resources, method):
    found = may(("GET", "DAGs"), ("PUT", "DAGs"), *((method, resource) for resource in resources))
    assert {entity for entity in ENTITIES if found.allows_dag(method, entity, "d")} == PARTS[resources]
    others = {*METHODS} - {method, "PATCH" if method == "PUT" else method}
    assert not any(found.allows_dag(*asked, "d") for asked in product(others, ENTITIES))


def test_each_page_is_opened_by_one_right():
    for pair, page in PAGES.items():
        assert {each for each in PAGES.values() if may(pair).allows_view(each)} == {page}
    assert may(*product(METHODS, RESOURCES)).views == set(PAGES.values())


def test_each_menu_item_is_shown_by_the_menu_right_on_what_it_leads_to():
    for resource, items in MENU.items():
        found = may(("MENU", resource))
        assert {each for many in MENU.values() for each in many if found.allows_menu_item(each)} == items
    assert may(*product(METHODS, RESOURCES)).menu == set().union(*MENU.values())


def test_what_airflow_asks_about_is_no_plugins():
    assert {*(name for _, name in PAGES), *MENU, *(name for names in PARTS for name in names)} < {*RESOURCES}


@pytest.mark.parametrize("method, action", ACTIONS.items())
def test_a_plugin_may_ask_by_the_method_or_by_the_action_of_fab(method, action):
    found = may((method, "Jobs"))
    assert {each for each in (*METHODS, *ACTIONS.values()) if found.allows_custom_view(each, "Jobs")} == {
        *(method, action),
        *(("PATCH",) if method == "PUT" else ()),
    }


@pytest.mark.parametrize("method", METHODS)
def test_each_method_on_dags_is_a_right_of_its_own_but_for_a_change_of_a_part(method):
    found = may((method, "DAGs"))
    opened = {each for each in (*METHODS, "LOOK") if found.allows_dag(each, None, "d")}
    assert opened == ({"PUT", "PATCH"} if method == "PUT" else {method})


@pytest.mark.parametrize(
    "role, more",
    [
        ("Viewer", {"My Password": ("read", "edit"), "Browse": ("menu",), "Docs": ("menu",), "Website": ("read",)}),
        ("User", {"DAGs": ("read", "edit", "delete", "menu"), "HITL Detail": ("read", "edit")}),
        ("Op", {"Admin": ("menu",), "Connections": ("read", "create", "edit", "delete", "menu")}),
    ],
)
def test_built_in_roles_may_what_airflow_documents(role, more):
    """All of it is the table of docs/roles.md, which another test compares."""
    told = {row.resource: row.verbs for row in summarize(Policy().permissions((role,)))}
    assert more.items() <= told.items()


def test_the_role_public_is_a_role_though_it_may_nothing():
    assert Policy().permissions((), [("fin", "Public")]).in_team("fin")
    assert not Policy().permissions((), [("fin", "public")]).in_team("fin")


def test_each_built_in_role_but_admin_has_its_rights_written_down():
    assert BUILTIN_ROLES == ("Admin", *BUILTIN_PAIRS) == ("Admin", "Op", "User", "Viewer", "Public")
