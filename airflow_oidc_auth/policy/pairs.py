"""Permissions of pairs of method and resource alone: FAB's roles, and the built-in ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from types import MappingProxyType

from airflow_oidc_auth.policy.builtin import Pair
from airflow_oidc_auth.policy.permissions import DagKey, Permissions
from airflow_oidc_auth.policy.single_dags import (
    DAG_PREFIX,
    allows_entity,
    collect_ids,
    compile_single_dags,
    method_on_the_dag,
)
from airflow_oidc_auth.policy.vocabulary import (
    ACTIONS,
    DAGS,
    ENTITY_RESOURCES,
    MENU_RESOURCES,
    METHODS,
    VIEW_RESOURCES,
)


def compile_pairs(pairs: frozenset[Pair], custom: frozenset[Pair] | None = None) -> Permissions:
    """Precompute the answer to every question that ``pairs`` can answer with yes.

    Methods are keys of :data:`ACTIONS`. A resource ``DAG:<id>`` is one DAG, ``DAG Run:<id>`` the runs of one DAG.

    :param custom: action names and resources for custom views; None for those that ``pairs`` stand for
    """
    if custom is None:
        custom = frozenset((ACTIONS[method], resource) for method, resource in pairs)
    # PATCH is a partial PUT: whoever may replace a thing may change a part of it, and nobody else.
    pairs = pairs | {("PATCH", resource) for method, resource in pairs if method == "PUT"}
    dags = collect_ids(pairs, DAG_PREFIX)
    # A list is open to whoever may read at least one DAG; what it shows is asked for DAG by DAG.
    listing = pairs | {("GET", DAGS)} if "GET" in dags else pairs
    return Permissions(
        pairs=pairs,
        one_dag=frozenset(_dag_keys(pairs, named=True)),
        any_dag=frozenset(_dag_keys(listing, named=False)),
        single_dags=MappingProxyType(dict(compile_single_dags(pairs, dags))),
        views=frozenset(view for view, pair in VIEW_RESOURCES.items() if pair in pairs),
        menu=frozenset(item for item, resource in MENU_RESOURCES.items() if ("MENU", resource) in pairs),
        custom=custom,
    )


def _dag_keys(pairs: frozenset[Pair], *, named: bool) -> Iterator[DagKey]:
    """Yield the questions that are answered yes for every DAG, or for none in particular.

    Without a name, a change of a part is judged by the part alone: Airflow asks again with the id of each DAG that
    it is about to touch.
    """
    for method, entity in product(METHODS, (None, *ENTITY_RESOURCES)):
        judged_by_dag = named or entity is None or method == "GET"
        on_dag = (method_on_the_dag(method, entity), DAGS)
        if allows_entity(pairs, method, entity) and (not judged_by_dag or on_dag in pairs):
            yield method, entity
