"""Rights on single DAGs: pairs whose resource names one DAG.

The two prefixes are FAB's, also for the roles of the configuration: one spelling, one meaning, compared with FAB by
tests/contract/test_single_dags_equal_fab.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from airflow_oidc_auth.policy.builtin import Pair
from airflow_oidc_auth.policy.statements import DagCell
from airflow_oidc_auth.policy.vocabulary import DAGS, ENTITY_RESOURCES, METHODS

DAG_PREFIX = "DAG:"
"""Before the id of the one DAG that a pair is about."""

DAG_RUN_PREFIX = "DAG Run:"
"""Before the id of the DAG whose runs a pair is about; FAB deprecated it and still honours it."""

_NO_IDS: frozenset[str] = frozenset()


def collect_ids(pairs: Iterable[Pair], prefix: str) -> dict[str, frozenset[str]]:
    """Return for each method the DAGs that pairs with this prefix name."""
    found: dict[str, set[str]] = {}
    for method, resource in pairs:
        if resource.startswith(prefix) and (dag_id := resource[len(prefix) :]):
            found.setdefault(method, set()).add(dag_id)
    return {method: frozenset(ids) for method, ids in found.items()}


def method_on_the_dag(method: str, entity: str | None) -> str:
    """Return what must be allowed on a named DAG: to read a part is to read it, to change a part is to edit it."""
    return method if entity is None or method == "GET" else "PUT"


def compile_single_dags(
    pairs: frozenset[Pair], dags: Mapping[str, frozenset[str]]
) -> Iterator[tuple[DagCell, frozenset[str]]]:
    """Yield the ids for which a question is answered yes because a pair names the DAG.

    :param dags: the DAGs that ``pairs`` name, by method
    """
    runs = collect_ids(pairs, DAG_RUN_PREFIX)
    for method, entity in product(METHODS, (None, *ENTITY_RESOURCES)) if dags or runs else ():
        of_entity = runs.get(method, _NO_IDS) if entity == "RUN" else _NO_IDS
        on_dag = method_on_the_dag(method, entity)
        by_id = dags.get(on_dag, _NO_IDS)
        if allows_entity(pairs, method, entity):
            ids = by_id
        else:
            ids = of_entity if (on_dag, DAGS) in pairs else of_entity & by_id
        if ids:
            yield (method, entity), ids


def allows_entity(pairs: frozenset[Pair], method: str, entity: str | None) -> bool:
    """Return whether every resource that decides the entity allows the method; None is the DAG itself.

    :raises KeyError: this release does not know the entity
    """
    return entity is None or all((method, resource) in pairs for resource in ENTITY_RESOURCES[entity])
