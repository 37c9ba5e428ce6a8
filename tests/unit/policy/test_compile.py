from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS, BUILTIN_ROLES
from airflow_oidc_auth.policy.compile import CACHE_SIZE, Policy, compile_pairs
from airflow_oidc_auth.policy.permissions import EVERYTHING, NOTHING, Permissions
from airflow_oidc_auth.policy.vocabulary import ENTITY_RESOURCES, MENU_RESOURCES, METHODS, VIEW_RESOURCES

ROLES = st.lists(st.sampled_from((*BUILTIN_ROLES, "Nobody")), max_size=6)
ENTITIES = (None, *ENTITY_RESOURCES, "SHADOW")


def questions(permissions: Permissions) -> set[tuple[object, ...]]:
    """Every question that is answered yes."""
    resources = {resource for _, resource in BUILTIN_PAIRS["Op"]} | {"All Audit Logs", "Crystal Ball"}
    asked: list[tuple[object, bool]] = []
    for method, resource in product((*METHODS, "can_read", "LOOK"), resources):
        asked.append((("thing", method, resource), permissions.allows(method, resource)))
        asked.append((("custom", method, resource), permissions.allows_custom_view(method, resource)))
    for method, entity, dag_id in product(METHODS, ENTITIES, ("d1", "", None)):
        asked.append((("dag", method, entity, dag_id), permissions.allows_dag(method, entity, dag_id)))
    asked += [(("view", view), permissions.allows_view(view)) for view in (*VIEW_RESOURCES, "CRYSTAL_BALL")]
    asked += [(("menu", item), permissions.allows_menu_item(item)) for item in (*MENU_RESOURCES, "CRYSTAL_BALL")]
    return {question for question, allowed in asked if allowed}


@pytest.mark.parametrize(
    "roles",
    [(), ("Public",), ("admin",), ("ADMIN",), ("Admin ",), ("viewer",), ("*",), ("",), ("Admin,Op",), ("Nobody",)],
)
def test_no_role_and_unknown_roles_may_do_nothing(roles):
    assert questions(Policy().permissions(roles)) == set()


def test_the_default_value_may_do_nothing():
    assert questions(Permissions()) == set()
    assert questions(compile_pairs(frozenset())) == set()


def test_admin_may_do_everything_even_the_unknown():
    admin = Policy().permissions(("Viewer", "Admin"))
    assert admin is EVERYTHING
    assert admin.allows("LOOK", "Crystal Ball")
    assert admin.allows_dag("LOOK", "SHADOW", None)
    assert admin.allows_view("CRYSTAL_BALL")
    assert admin.allows_menu_item("CRYSTAL_BALL")
    assert admin.allows_custom_view("can_do", "A Plugin's View")


@pytest.mark.parametrize("role", ["Op", "User", "Viewer"])
@pytest.mark.parametrize(
    "question",
    [
        ("thing", "GET", "All Audit Logs"),
        ("thing", "LOOK", "DAGs"),
        ("dag", "GET", "SHADOW", "d1"),
        ("dag", "GET", "AUDIT_LOG", "d1"),
        ("dag", "GET", "AUDIT_LOG", None),
        ("dag", "POST", None, "d1"),
        ("view", "TRIGGERS"),
        ("view", "AUDIT_LOGS_ALL"),
        ("view", "CRYSTAL_BALL"),
        ("menu", "AUDIT_LOG"),
        ("menu", "CRYSTAL_BALL"),
        ("custom", "LOOK", "DAGs"),
        ("custom", "GET", "Crystal Ball"),
    ],
)
def test_what_is_for_admin_only_is_denied_to(role, question):
    assert question not in questions(Policy().permissions((role,)))


@pytest.mark.parametrize(
    "role, method, entity, dag_id, expected",
    [
        ("Viewer", "GET", None, None, True),
        ("Viewer", "GET", "TASK_LOGS", "d1", True),
        ("Viewer", "PUT", None, "d1", False),
        ("Viewer", "POST", "RUN", "d1", False),
        ("Viewer", "POST", "RUN", None, False),
        ("User", "POST", "RUN", "d1", True),
        ("User", "DELETE", "TASK_INSTANCE", "d1", True),
        ("User", "PUT", "HITL_DETAIL", "d1", True),
        ("User", "PUT", "XCOM", "d1", False),
        ("Op", "PUT", "XCOM", "d1", True),
        ("Op", "PATCH", "XCOM", "d1", True),
        ("Op", "DELETE", "HITL_DETAIL", "d1", False),
    ],
)
def test_dag_questions(role, method, entity, dag_id, expected):
    assert Policy().permissions((role,)).allows_dag(method, entity, dag_id) is expected


def test_changing_a_part_of_a_named_dag_needs_edit_on_the_dag():
    runs_only = compile_pairs(frozenset({("POST", "DAG Runs"), ("GET", "DAG Runs")}))
    assert not runs_only.allows_dag("POST", "RUN", "d1")
    assert not runs_only.allows_dag("GET", "RUN", "d1")
    assert not runs_only.allows_dag("GET", "RUN", None)
    with_edit = compile_pairs(frozenset({("POST", "DAG Runs"), ("PUT", "DAGs")}))
    assert with_edit.allows_dag("POST", "RUN", "d1")


def test_a_task_instance_needs_the_run_as_well():
    tasks_only = compile_pairs(frozenset({("GET", "DAGs"), ("GET", "Task Instances")}))
    assert tasks_only.allows_dag("GET", "TASK", "d1")
    assert not tasks_only.allows_dag("GET", "TASK_INSTANCE", "d1")


def test_action_names_of_fab_count_for_custom_views_only():
    viewer = Policy().permissions(("Viewer",))
    assert viewer.allows_custom_view("can_read", "Jobs")
    assert viewer.allows_custom_view("menu_access", "Jobs")
    assert not viewer.allows_custom_view("can_edit", "Jobs")
    assert not viewer.allows("can_read", "Jobs")


@given(roles=ROLES, removed=st.integers(min_value=0, max_value=5))
def test_removing_a_role_never_adds_a_right(roles, removed):
    policy = Policy()
    fewer = roles[:removed] + roles[removed + 1 :]
    assert questions(policy.permissions(fewer)) <= questions(policy.permissions(roles))


@given(roles=ROLES)
def test_order_and_repetition_do_not_matter(roles):
    policy = Policy()
    assert policy.permissions([*reversed(roles), *roles]) is policy.permissions(tuple(roles))


def test_each_role_may_all_that_the_weaker_one_may():
    policy = Policy()
    allowed = [questions(policy.permissions((role,))) for role in BUILTIN_ROLES]
    for stronger, weaker in pairwise(allowed):
        assert weaker < stronger


def test_the_memory_of_combinations_is_bounded():
    policy = Policy()
    for number in range(CACHE_SIZE + 10):
        assert policy.permissions((f"role-{number}",)) is NOTHING
    assert policy._compiled.cache_info().currsize == CACHE_SIZE


@pytest.mark.parametrize("table", [BUILTIN_PAIRS, ENTITY_RESOURCES, VIEW_RESOURCES, MENU_RESOURCES])
def test_the_tables_cannot_be_changed(table):
    with pytest.raises(TypeError):
        table["Viewer"] = frozenset()


def test_permissions_cannot_be_changed():
    with pytest.raises(AttributeError):
        NOTHING.everything = True
