"""Custom roles, as the configuration defines them; made by ``config``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS, Pair
from airflow_oidc_auth.policy.vocabulary import ENTITY_RESOURCES, MENU_RESOURCES, VIEW_RESOURCES


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """One custom role.

    :param pairs: methods and resources; ``DAG:<id>`` is one DAG. Without what ``extends`` brings
    :param extends: roles whose rights it has as well, built in or custom
    :param description: for people; empty if there is none
    """

    name: str
    pairs: frozenset[Pair] = frozenset()
    extends: tuple[str, ...] = ()
    description: str = ""


def _every_resource() -> Iterator[str]:
    yield from (resource for _, resource in BUILTIN_PAIRS["Op"])
    yield from (resource for resources in ENTITY_RESOURCES.values() for resource in resources)
    yield from (resource for _, resource in VIEW_RESOURCES.values())
    yield from MENU_RESOURCES.values()


RESOURCES: tuple[str, ...] = tuple(sorted(set(_every_resource())))
"""Every resource that Airflow asks about, by name; what a plugin asks about is none of them."""


def collect_pairs(names: Iterable[str], roles: Mapping[str, RoleSettings]) -> frozenset[Pair]:
    """Return what the named roles and all that they extend allow; unknown names add nothing.

    Ends for roles that extend each other in a circle, too, which ``config`` refuses.
    """
    pairs: set[Pair] = set()
    seen: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in BUILTIN_PAIRS:
            pairs |= BUILTIN_PAIRS[name]
        elif role := roles.get(name):
            pairs |= role.pairs
            todo += role.extends
    return frozenset(pairs)
