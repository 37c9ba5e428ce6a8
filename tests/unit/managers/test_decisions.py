from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import Enum

import pytest
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    AssetDetails,
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.common.types import MenuItem
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.managers.decisions import Decisions
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.fab import METHOD_OF_ACTION, compile_fab_pairs
from airflow_oidc_auth.policy.permissions import Permissions

QUESTIONS = ("is_authorized_", "batch_is_authorized_", "filter_authorized_", "get_authorized_")
# What the base class makes out of an overridden method.
INHERITED = {"get_authorized_menu_items"}
POLICY = Policy()
METHODS = ("GET", "POST", "PUT", "DELETE", "MENU", "LOOK")


@dataclass
class Someone:
    permissions: Permissions

    def get_id(self) -> str:
        return "id-1"

    def get_name(self) -> str:
        return "Ann"


def someone(*roles: str) -> Someone:
    return Someone(POLICY.permissions(roles))


@pytest.fixture(autouse=True)
def no_database(monkeypatch):
    """Deciding must not need one."""

    def refuse(*_, **__):
        raise AssertionError("a decision asked for the database")

    monkeypatch.setattr("airflow.utils.session.create_session", refuse)


def asked_by_core() -> list[str]:
    return sorted(name for name in vars(BaseAuthManager) if name.startswith(QUESTIONS) and name not in INHERITED)


@pytest.mark.parametrize("name", asked_by_core())
def test_answers_every_question_of_the_base_class_itself(name):
    """What is left to the base class asks the database or loops over every item."""
    assert getattr(Decisions, name) is not getattr(BaseAuthManager, name)


@pytest.mark.parametrize("name", asked_by_core())
def test_accepts_the_arguments_of_the_base_class_and_of_later_releases(name):
    ours = inspect.signature(getattr(Decisions, name)).parameters
    theirs = inspect.signature(inspect.unwrap(getattr(BaseAuthManager, name))).parameters
    assert any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in ours.values())
    for argument, parameter in theirs.items():
        if argument in ours:
            assert ours[argument].default is parameter.default or parameter.default in (None, "GET"), argument


def test_accepts_the_team_name_of_airflow_3_4():
    assert Decisions().is_authorized_view(access_view=AccessView.JOBS, user=someone("Viewer"), team_name="blue")
    assets = [AssetDetails(id="1"), AssetDetails(id="2"), AssetDetails()]
    assert Decisions().filter_authorized_assets(assets=assets, user=someone("Viewer"), team_name="blue") == {"1", "2"}
    assert Decisions().filter_authorized_assets(assets=assets, user=someone("Public")) == set()


@pytest.mark.parametrize("view", ["CRYSTAL_BALL", "AUDIT_LOGS_ALL", "REPARSE_ALL"])
@pytest.mark.parametrize("role", BUILTIN_ROLES)
def test_a_view_of_a_later_airflow_is_for_admin_only(role, view):
    member = Enum("LaterView", {view: view})[view]
    assert Decisions().is_authorized_view(access_view=member, user=someone(role)) is (role == "Admin")


@pytest.mark.parametrize(
    "assigned, expected",
    [({"id-1"}, True), ({"Ann"}, False), ({"ann@example.com"}, False), ({"ID-1"}, False), (set(), False)],
)
@pytest.mark.parametrize("role", ["Admin", "User"])
def test_an_assigned_task_is_for_the_id_and_never_the_name(role, assigned, expected):
    assert Decisions().is_authorized_hitl_task(assigned_users=assigned, user=someone(role)) is expected


@pytest.mark.parametrize(
    "verified, assigned, expected",
    [
        ("ann@example.com", {"ann@example.com"}, True),
        ("ann@example.com", {"Ann@Example.com", "bob@example.com"}, True),
        ("ann@example.com", {"bob@example.com"}, False),
        # Its first letter is the Kelvin sign, which folds to a plain k.
        ("\N{KELVIN SIGN}im@example.com", {"kim@example.com"}, False),
        ("\N{KELVIN SIGN}im@example.com", {"\N{KELVIN SIGN}im@example.com"}, True),
        (None, {"ann@example.com", "Ann", "None"}, False),
        (None, {"id-1"}, True),
    ],
)
def test_an_assigned_address_counts_only_where_it_is_verified_and_switched_on(verified, assigned, expected):
    class Switched(Decisions):
        def _hitl_email(self, user):
            return verified

    assert Switched().is_authorized_hitl_task(assigned_users=assigned, user=someone("User")) is expected


DAG_IDS = st.sampled_from(("d1", "d2", "d3", "DAG:d1"))
NAMED = st.builds("{}{}".format, st.sampled_from(("DAG:", "DAG Run:")), DAG_IDS)
PAIRS = st.frozensets(
    st.tuples(
        st.sampled_from(tuple(METHOD_OF_ACTION)), st.sampled_from(("DAGs", "DAG Runs", "Task Instances")) | NAMED
    ),
    max_size=8,
)
PEOPLE = st.builds(someone, st.sampled_from(BUILTIN_ROLES)) | st.builds(Someone, st.builds(compile_fab_pairs, PAIRS))


@given(user=PEOPLE, method=st.sampled_from(METHODS), ids=st.sets(DAG_IDS | st.text(min_size=1, max_size=5), max_size=5))
def test_a_list_filter_equals_the_check_of_each_item(user, method, ids):
    decisions = Decisions()
    allowed = decisions.filter_authorized_dag_ids(dag_ids=ids, user=user, method=method)
    assert allowed == {
        dag_id for dag_id in ids if decisions.is_authorized_dag(method=method, details=DagDetails(id=dag_id), user=user)
    }
    assert allowed is not ids


@given(
    user=PEOPLE,
    requests=st.lists(
        st.fixed_dictionaries(
            {"method": st.sampled_from(METHODS)},
            optional={
                "access_entity": st.sampled_from((None, *DagAccessEntity)),
                "details": st.sampled_from((None, DagDetails(), DagDetails(id="d1"), DagDetails(id="d2"))),
            },
        ),
        max_size=4,
    ),
)
def test_a_batch_equals_all_of_its_requests(user, requests):
    decisions = Decisions()
    each = [decisions.is_authorized_dag(**request, user=user) for request in requests]
    assert decisions.batch_is_authorized_dag(requests, user=user) is all(each)


@pytest.mark.parametrize("kind", ["connections", "dag_ids", "pools", "variables", "assets"])
def test_who_may_not_read_gets_an_empty_set_without_a_query(kind):
    read = getattr(Decisions(), f"get_authorized_{kind}")
    assert read(user=someone("Public")) == set()
    assert read(user=someone(), method="DELETE") == set()


def test_who_may_read_one_dag_may_change_none_without_a_query():
    reader = Someone(compile_fab_pairs([("can_read", "DAG:d1")]))
    assert Decisions().get_authorized_dag_ids(user=reader, method="PUT") == set()
    assert Decisions().filter_authorized_dag_ids(dag_ids={"d1", "d2"}, user=reader, method="PUT") == set()


def test_menu_keeps_the_given_order():
    items = [MenuItem.POOLS, MenuItem.DAGS, MenuItem.ASSETS, MenuItem.AUDIT_LOG]
    shown = Decisions().filter_authorized_menu_items(items, user=someone("Viewer"))
    assert shown == [MenuItem.DAGS, MenuItem.ASSETS]
    assert Decisions().filter_authorized_menu_items(items, user=someone("Admin")) == items


def test_a_user_object_without_permissions_opens_nothing():
    with pytest.raises(AttributeError):
        Decisions().is_authorized_connection(method="GET", user=object())
