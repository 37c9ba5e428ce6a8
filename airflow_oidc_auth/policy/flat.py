"""Permissions of one set of roles, as if all of them held everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

from airflow_oidc_auth.policy.builtin import Pair
from airflow_oidc_auth.policy.custom_rules import CustomRule
from airflow_oidc_auth.policy.dag_view import DagView
from airflow_oidc_auth.policy.globs import compile_globs
from airflow_oidc_auth.policy.lines import Lines
from airflow_oidc_auth.policy.name_rules import LISTED, NameRule, compile_names
from airflow_oidc_auth.policy.pairs import compile_pairs
from airflow_oidc_auth.policy.permissions import EVERYTHING, NOTHING, Permissions
from airflow_oidc_auth.policy.vocabulary import ACTIONS


@dataclass(frozen=True, slots=True)
class Flat:
    """What a set of roles may do.

    :param permissions: all but ``dags`` and ``teams``
    :param view: the rights on DAGs
    :param simple: whether pairs say everything about DAGs, so that ``view`` need not be asked
    """

    permissions: Permissions
    view: DagView
    simple: bool


def compile_flat(allow: Lines, deny: Lines, *, admin: bool, roles: tuple[str, ...]) -> Flat:
    """Return what the lines say.

    :param roles: those whose names count in ``access_control``
    """
    pairs = allow.pairs - deny.pairs
    base = EVERYTHING if admin else compile_pairs(pairs) if pairs else NOTHING
    view = DagView(admin, allow, deny, roles)
    simple = not _concerns_dags(deny) and (admin or not (allow.patterns or allow.parts or roles))
    if not (allow.names or deny.names or allow.custom or deny.custom or deny.pairs):
        return Flat(base, view, simple)
    names = _names(allow, deny, admin=admin)
    actions = ((ACTIONS.get(method, method), resource) for method, resource in deny.pairs)
    found = replace(
        base,
        denied=deny.pairs.union(actions),
        names=MappingProxyType(names),
        lists=frozenset(pair for pair, rule in names.items() if _is_list(pair) and rule.allows_list),
        custom_views=MappingProxyType(_custom(allow, deny)),
    )
    return Flat(found, view, simple)


def _custom(allow: Lines, deny: Lines) -> dict[str, CustomRule]:
    return {
        action: CustomRule(compile_globs(allow.custom.get(action, ())), compile_globs(deny.custom.get(action, ())))
        for action in allow.custom.keys() | deny.custom.keys()
    }


def _is_list(pair: Pair) -> bool:
    return pair[0] == "GET" and pair[1] in LISTED


def _names(allow: Lines, deny: Lines, *, admin: bool) -> dict[Pair, NameRule]:
    # What is denied as a whole needs no names.
    asked = (allow.names.keys() | deny.names.keys()) - deny.pairs
    return {
        pair: compile_names(allow.names.get(pair, ()), deny.names.get(pair, ()), whole=admin or pair in allow.pairs)
        for pair in asked
    }


def _concerns_dags(deny: Lines) -> bool:
    # What holds for every part stands in ``parts``, too.
    return bool(deny.pairs or deny.dags or deny.parts)
