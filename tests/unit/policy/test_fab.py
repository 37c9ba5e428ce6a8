from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.fab import METHOD_OF_ACTION, compile_fab_pairs
from airflow_oidc_auth.policy.permissions import NOTHING
from airflow_oidc_auth.policy.vocabulary import ENTITY_RESOURCES, METHODS
from tests.unit.policy.test_compile import questions

ACTIONS = (*METHOD_OF_ACTION, "can_do", "GET")
RESOURCES = (
    *("DAGs", "DAG Runs", "Task Instances", "DAG Code", "Jobs", "A Plugin's View"),
    *("DAG:d1", "DAG:d2", "DAG Run:d1", "DAG Run:d2", "DAG:", "DAG Run:"),
)
PAIRS = st.sets(st.tuples(st.sampled_from(ACTIONS), st.sampled_from(RESOURCES)), max_size=12)


@pytest.mark.parametrize(
    "pairs, method, entity, dag_id, expected",
    [
        # the DAG itself
        (["can_read DAG:d1"], "GET", None, "d1", True),
        (["can_read DAG:d1"], "GET", None, "d2", False),
        (["can_read DAG:d1"], "GET", None, "D1", False),
        (["can_read DAG:d1"], "GET", None, "DAG:d1", False),
        (["can_read DAG:d1"], "PUT", None, "d1", False),
        (["can_edit DAG:d1"], "PATCH", None, "d1", True),
        (["can_edit DAG:d1"], "GET", None, "d1", False),
        (["can_edit DAG:d1"], "PUT", None, None, False),
        (["can_delete DAG:d1"], "DELETE", None, "d1", True),
        # lists
        (["can_read DAG:d1"], "GET", None, None, True),
        (["can_read DAG:d1"], "GET", None, "", True),
        (["can_edit DAG:d1"], "GET", None, None, False),
        (["can_read DAG:"], "GET", None, None, False),
        (["can_read DAG:d1"], "GET", "RUN", None, False),
        (["can_read DAG:d1", "can_read DAG Runs"], "GET", "RUN", None, True),
        # parts of one DAG
        (["can_read DAG:d1", "can_read Task Instances"], "GET", "TASK_INSTANCE", "d1", False),
        (["can_read DAG:d1", "can_read Task Instances", "can_read DAG Runs"], "GET", "TASK_INSTANCE", "d1", True),
        (["can_read DAG:d1", "can_read Task Instances", "can_read DAG Runs"], "GET", "TASK_INSTANCE", "d2", False),
        (["can_edit DAG:d1", "can_create DAG Runs"], "POST", "RUN", "d1", True),
        (["can_read DAG:d1", "can_create DAG Runs"], "POST", "RUN", "d1", False),
        (["can_edit DAG:d1", "can_create DAG Runs"], "POST", "RUN", "d2", False),
        (["can_edit DAG:d1", "can_create DAG Runs"], "POST", "RUN", None, True),
        # runs of one DAG, FAB's deprecated permission
        (["can_create DAG Run:d1"], "POST", "RUN", "d1", False),
        (["can_create DAG Run:d1", "can_edit DAGs"], "POST", "RUN", "d1", True),
        (["can_create DAG Run:d1", "can_edit DAGs"], "POST", "RUN", "d2", False),
        (["can_create DAG Run:d1", "can_edit DAG:d1"], "POST", "RUN", "d1", True),
        (["can_create DAG Run:d1", "can_edit DAG:d2"], "POST", "RUN", "d1", False),
        (["can_create DAG Run:d1", "can_create DAG Runs"], "POST", "RUN", "d1", False),
        (["can_create DAG Run:d1", "can_edit DAGs"], "POST", "RUN", None, False),
        (["can_read DAG Run:d1", "can_read DAGs", "can_read Task Instances"], "GET", "TASK_INSTANCE", "d1", False),
    ],
)
def test_single_dag_questions(pairs, method, entity, dag_id, expected):
    permissions = compile_fab_pairs(tuple(pair.split(" ", 1)) for pair in pairs)
    assert permissions.allows_dag(method, entity, dag_id) is expected


def test_a_plugins_own_action_counts_for_custom_views_only():
    permissions = compile_fab_pairs([("can_do", "A Plugin's View"), ("GET", "Jobs")])
    assert permissions.allows_custom_view("can_do", "A Plugin's View")
    # FAB takes GET for can_read, so that an action of that name can never be asked for.
    assert not permissions.allows_custom_view("GET", "Jobs")
    assert not permissions.allows("GET", "Jobs")
    assert not permissions.allows_view("JOBS")


def test_admin_is_no_special_word():
    assert questions(compile_fab_pairs([("can_read", "Admin"), ("menu_access", "Admin")])) <= {
        ("thing", "GET", "Admin"),
        ("thing", "MENU", "Admin"),
        *(("custom", word, "Admin") for word in ("GET", "MENU", "can_read")),
    }


def test_no_pair_is_nothing():
    assert compile_fab_pairs([]) == NOTHING


@pytest.mark.parametrize("role", BUILTIN_PAIRS)
def test_the_pairs_of_a_builtin_role_make_that_role(role):
    actions = {method: action for action, method in METHOD_OF_ACTION.items()}
    compiled = compile_fab_pairs((actions[method], resource) for method, resource in BUILTIN_PAIRS[role])
    assert compiled == Policy().permissions((role,))


@given(pairs=PAIRS, removed=st.integers(min_value=0, max_value=11))
def test_removing_a_pair_never_allows_more(pairs, removed):
    fewer = set(sorted(pairs)[:removed] + sorted(pairs)[removed + 1 :])
    assert answered_yes(fewer) <= answered_yes(pairs)


def answered_yes(pairs: set[tuple[str, str]]) -> set[tuple[object, ...]]:
    permissions = compile_fab_pairs(pairs)
    dags = product(METHODS, (None, *ENTITY_RESOURCES), ("d1", "d2", "", None))
    single = {("dag", *asked) for asked in dags if permissions.allows_dag(*asked)}
    ids = {("ids", method, dag_id) for method in METHODS for dag_id in allowed_ids(permissions, method)}
    return questions(permissions) | single | ids


def allowed_ids(permissions, method):
    return {"d1", "d2"} if permissions.allows_every_dag(method) else permissions.dag_ids(method)
