"""What somebody gets who acts on behalf of somebody else (``act``, RFC 8693 §4.1): never more than the cap."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TypeVar

from airflow_oidc_auth.grants.conditions import listed
from airflow_oidc_auth.grants.grant import Grant, Refusal, RuleMatch, RuleTrace, StepUp, first_end
from airflow_oidc_auth.identity import Identity

T = TypeVar("T", RuleMatch, StepUp)

PATH = "grants.delegated_roles"


def cap_delegated(
    decision: Grant | Refusal, identity: Identity, cap: Collection[str]
) -> tuple[Grant | Refusal, RuleTrace]:
    """Return what is left of a decision about delegated access, and what was done.

    A match keeps the roles that are left, so that the end of another match by itself cannot bring a role back.

    :param cap: the roles that may be used on behalf of somebody; none refuses
    """
    if isinstance(decision, Refusal):
        return decision, RuleTrace("delegated access", PATH, matched=False, because=_because(identity, ()))
    roles = tuple(role for role in decision.roles if role in cap)
    trace = RuleTrace("delegated access", PATH, bool(roles), _because(identity, _without(decision.roles, cap)))
    if not roles:
        return Refusal("delegation_refused", path=PATH), trace
    matches = tuple(_capped(match, cap) for match in decision.matches if _left(match, cap))
    step_ups = tuple(_capped(each, cap) for each in decision.step_ups if _left(each, cap))
    capped = replace(
        decision,
        roles=roles,
        matches=matches,
        step_ups=step_ups,
        until=first_end(matches),
        withdrawn=decision.withdraw(roles),
    )
    return capped, trace


def _left(given: RuleMatch | StepUp, cap: Collection[str]) -> bool:
    return any(role in cap for role in given.roles)


def _capped(given: T, cap: Collection[str]) -> T:
    return replace(given, roles=tuple(role for role in given.roles if role in cap))


def _without(roles: Collection[str], cap: Collection[str]) -> tuple[str, ...]:
    return tuple(role for role in roles if role not in cap)


def _because(identity: Identity, lost: tuple[str, ...]) -> tuple[str, ...]:
    acting = f"{listed(identity.actors)} acts on behalf of the subject"
    return (acting, f"not on behalf of somebody: {', '.join(lost)}") if lost else (acting,)
