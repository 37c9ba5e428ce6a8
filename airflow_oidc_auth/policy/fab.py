"""FAB's permissions: the pairs of action and resource in its database, in the terms of this package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from airflow_oidc_auth.policy.pairs import compile_pairs
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.vocabulary import ACTIONS

METHOD_OF_ACTION: Mapping[str, str] = MappingProxyType(
    {action: method for method, action in ACTIONS.items() if method != "PATCH"}
)
"""FAB's action → the method that it allows; ``can_edit`` is ``PUT``, which brings ``PATCH`` with it."""


def compile_fab_pairs(pairs: Iterable[tuple[str, str]]) -> Permissions:
    """Return what a FAB user with these actions on these resources may do.

    Admin is not special: FAB gives that role its pairs, and they say what it may do. An action that Airflow has no
    method for counts for custom views alone, under its own name.
    """
    given = frozenset(pairs)
    known = frozenset((METHOD_OF_ACTION[action], name) for action, name in given if action in METHOD_OF_ACTION)
    return compile_pairs(known, custom=given)
