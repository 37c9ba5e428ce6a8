"""From role names to :class:`Permissions`, once per combination of roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product

from airflow_oidc_auth.policy.builtin import ADMIN, BUILTIN_PAIRS, Pair
from airflow_oidc_auth.policy.permissions import EVERYTHING, NOTHING, DagKey, Permissions
from airflow_oidc_auth.policy.vocabulary import (
    ACTIONS,
    DAGS,
    ENTITY_RESOURCES,
    MENU_RESOURCES,
    METHODS,
    VIEW_RESOURCES,
)

CACHE_SIZE = 1024
"""Combinations of roles kept compiled. Five roles make 32; the bound is for what a forged row could name."""


class Policy:
    """What every role may do, compiled on first use and remembered.

    Roles add up. A role that the policy does not know adds nothing: a session that was opened under an older
    configuration loses what that configuration no longer says. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._compiled = lru_cache(maxsize=CACHE_SIZE)(_compile_roles)

    def permissions(self, roles: Iterable[str]) -> Permissions:
        """Return what the roles may do together; order and repetition do not matter."""
        return self._compiled(frozenset(roles))


def compile_pairs(pairs: frozenset[Pair]) -> Permissions:
    """Precompute the answer to every question that ``pairs`` can answer with yes."""
    # PATCH is a partial PUT: whoever may replace a thing may change a part of it, and nobody else.
    pairs = pairs | {("PATCH", resource) for method, resource in pairs if method == "PUT"}
    return Permissions(
        pairs=pairs,
        one_dag=frozenset(_dag_keys(pairs, named=True)),
        any_dag=frozenset(_dag_keys(pairs, named=False)),
        views=frozenset(view for view, pair in VIEW_RESOURCES.items() if pair in pairs),
        menu=frozenset(item for item, resource in MENU_RESOURCES.items() if ("MENU", resource) in pairs),
        custom=pairs | {(ACTIONS[method], resource) for method, resource in pairs if method in ACTIONS},
    )


def _compile_roles(roles: frozenset[str]) -> Permissions:
    if ADMIN in roles:
        return EVERYTHING
    pairs = frozenset[Pair]().union(*(BUILTIN_PAIRS.get(role, frozenset()) for role in roles))
    return compile_pairs(pairs) if pairs else NOTHING


def _dag_keys(pairs: frozenset[Pair], *, named: bool) -> Iterator[DagKey]:
    for method, entity in product(METHODS, (None, *ENTITY_RESOURCES)):
        needed = {(method, resource) for resource in ENTITY_RESOURCES.get(entity or "", ())}
        if needed | _needed_of_the_dag(method, entity, named=named) <= pairs:
            yield method, entity


def _needed_of_the_dag(method: str, entity: str | None, *, named: bool) -> set[Pair]:
    """Return what must be allowed on the DAG itself.

    To read a part is to read the DAG; to change a part of a named DAG is to edit that DAG. Without a name, a
    change is judged by the entity alone: Airflow asks again with the id of each DAG it is about to touch.
    """
    if entity is None:
        return {(method, DAGS)}
    if method == "GET":
        return {("GET", DAGS)}
    return {("PUT", DAGS)} if named else set()
