"""The statements that are nothing but pairs of method and resource: all things of a kind, and DAGs by exact ids."""

from __future__ import annotations

from airflow_oidc_auth.policy.builtin import Pair
from airflow_oidc_auth.policy.globs import is_exact
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.single_dags import DAG_PREFIX
from airflow_oidc_auth.policy.statements import ACTION_METHODS, Statement


def statement_pairs(statement: Statement) -> frozenset[Pair] | None:
    """Return the pairs that say the same as the statement; None for one that pairs cannot say.

    ``PATCH`` is left out, as in the built-in roles: ``PUT`` brings it.
    """
    resources = _resources(statement)
    if resources is None or not all(action in ACTION_METHODS for action in statement.actions):
        return None
    return frozenset((ACTION_METHODS[action][0], resource) for action in statement.actions for resource in resources)


def _resources(statement: Statement) -> tuple[str, ...] | None:
    selector = statement.selector
    if isinstance(selector, NameSelector):
        return None
    if isinstance(selector, DagSelector):
        others = selector.tags or selector.owners or selector.bundles or selector.teams
        exact = statement.parts is None and not others and all(map(is_exact, selector.ids))
        return tuple(f"{DAG_PREFIX}{dag_id}" for dag_id in selector.ids) if exact else None
    if statement.kind == "custom_views":
        return selector if all(map(is_exact, selector)) else None
    return None if statement.kind == "configuration" else selector
