"""Which lines are nothing but rights on all of a kind, or on DAGs by their ids: FAB's roles could say them, too."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.policy.fab import compile_fab_pairs
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.statement_pairs import statement_pairs
from airflow_oidc_auth.policy.statements import Kind, Statement


def line(actions: str, kind: Kind, *names: str) -> Statement:
    return Statement(tuple(actions.split()), kind, names)


def dags(actions: str, *parts: str, **selector: tuple[str, ...]) -> Statement:
    return Statement(tuple(actions.split()), "dags", DagSelector(**selector), parts or None)


@pytest.mark.parametrize(
    "statement, pairs",
    [
        (line("read", "resources", "Jobs"), {("GET", "Jobs")}),
        (line("read edit", "views", "Jobs", "Pools"), {(m, r) for m in ("GET", "PUT") for r in ("Jobs", "Pools")}),
        (line("menu", "menu", "Jobs"), {("MENU", "Jobs")}),
        (line("create delete", "custom_views", "Mine"), {("POST", "Mine"), ("DELETE", "Mine")}),
        (dags("edit", ids=("a", "b")), {("PUT", "DAG:a"), ("PUT", "DAG:b")}),
        (dags("read", ids=()), set()),
        (line("read", "custom_views", "Mine", "M*"), None),
        (line("read", "configuration", "core"), None),
        (Statement(("read",), "connections", NameSelector(("a",))), None),
        (dags("read", ids=("a", "b*")), None),
        (dags("read", ids=("a",), tags=("t",)), None),
        (dags("read", ids=("a",), owners=("o",)), None),
        (dags("read", ids=("a",), bundles=("b",)), None),
        (dags("read", ids=("a",), teams=("t",)), None),
        (dags("read", "dag", ids=("a",)), None),
        (dags("run", ids=("a",)), None),
        (dags("read run", ids=("a",)), None),
    ],
)
def test_a_line_is_pairs_only_if_they_say_no_more_and_no_less(statement, pairs):
    assert statement_pairs(statement) == pairs


@pytest.mark.parametrize(
    "pairs, answers",
    [
        ([("can_read", "DAG:a")], {("GET", None): {"a"}}),
        ([("can_edit", "DAG:a")], {("PUT", None): {"a"}, ("PATCH", None): {"a"}}),
        ([("can_create", "DAG Run:a"), ("can_edit", "DAG:a"), ("can_edit", "DAG:b")], {("POST", "RUN"): {"a"}}),
        ([("can_create", "DAG Run:a")], {}),
        ([("can_read", "Jobs")], {}),
    ],
)
def test_of_single_dags_only_what_is_allowed_takes_room(pairs, answers):
    kept = compile_fab_pairs(pairs).single_dags
    assert answers.items() <= dict(kept).items()
    assert all(kept.values())
