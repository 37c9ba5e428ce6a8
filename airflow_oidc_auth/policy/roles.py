"""Custom roles, as the configuration defines them; made by ``config``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from airflow_oidc_auth.policy.builtin import ADMIN, BUILTIN_PAIRS, BUILTIN_ROLES, Pair
from airflow_oidc_auth.policy.statement_pairs import statement_pairs
from airflow_oidc_auth.policy.statements import Statement
from airflow_oidc_auth.policy.vocabulary import ENTITY_RESOURCES, MENU_RESOURCES, VIEW_RESOURCES


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """One custom role.

    :param allow: what it may do, without what ``extends`` brings
    :param deny: what whoever holds it may not do, whichever role allows it
    :param extends: roles whose rights and denials it has as well, built in or custom
    :param description: for people; empty if there is none
    :param path: its place in the document, ``roles.finance``
    """

    name: str
    allow: tuple[Statement, ...] = ()
    deny: tuple[Statement, ...] = ()
    extends: tuple[str, ...] = ()
    description: str = ""
    path: str = ""


def _every_resource() -> Iterator[str]:
    yield from (resource for _, resource in BUILTIN_PAIRS["Op"])
    yield from (resource for resources in ENTITY_RESOURCES.values() for resource in resources)
    yield from (resource for _, resource in VIEW_RESOURCES.values())
    yield from MENU_RESOURCES.values()


RESOURCES: tuple[str, ...] = tuple(sorted(set(_every_resource())))
"""Every resource that Airflow asks about, by name; what a plugin asks about is none of them."""


def with_denials(roles: Mapping[str, RoleSettings]) -> Mapping[str, RoleSettings]:
    """Add, under the name of each role in braces, a role that denies what it denies and allows nothing.

    It is what stays of a role that a token was narrowed away from (``grants``). No role can be called so.
    """
    if not any(role.deny for role in roles.values()):
        return roles
    named = {name: f"{{{name}}}" for name in roles}
    denials = {
        named[name]: replace(
            role, name=named[name], allow=(), extends=tuple(named[each] for each in role.extends if each in named)
        )
        for name, role in roles.items()
    }
    return MappingProxyType({**roles, **denials})


def denying_roles(roles: Mapping[str, RoleSettings]) -> frozenset[str]:
    """Return the names of the roles that deny something, or extend one that does."""
    return frozenset(
        name for name in roles if any(roles[each].deny for each in close_roles((name,), roles) if each in roles)
    )


def without_denials(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of roles that are held, without those of which only the denials are left."""
    return tuple(name for name in names if "{" not in name)


def close_roles(names: Iterable[str], roles: Mapping[str, RoleSettings]) -> tuple[str, ...]:
    """Return the named roles and all that they extend, as far as they are known, sorted.

    Admin counts only where it is named itself. Ends for roles that extend each other in a circle, too, which
    ``config`` refuses.
    """
    asked = frozenset(names)
    seen: set[str] = set()
    todo = list(asked)
    while todo:
        name = todo.pop()
        if name in seen or (name == ADMIN and name not in asked):
            continue
        if name in BUILTIN_ROLES:
            seen.add(name)
        elif role := roles.get(name):
            seen.add(name)
            todo += role.extends
    return tuple(sorted(seen))


def collect_pairs(names: Iterable[str], roles: Mapping[str, RoleSettings]) -> frozenset[Pair]:
    """Return what the roles and all that they extend allow on all things of a kind, and on DAGs by their exact ids.

    Patterns, names of other things, and denials are none of this.
    """
    pairs: set[Pair] = set()
    for name in close_roles(names, roles):
        if name in BUILTIN_ROLES:
            pairs |= BUILTIN_PAIRS.get(name, frozenset())
        else:
            pairs.update(pair for statement in roles[name].allow for pair in statement_pairs(statement) or ())
    return frozenset(pairs)
