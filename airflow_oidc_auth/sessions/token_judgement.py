"""What the rules give to a token: what its owner has now, within what the token was narrowed to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.sessions.recheck_report import RecheckRules
from airflow_oidc_auth.sessions.session import Session

ROLES_LOST = "token_roles_lost"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a token may give before it is narrowed to its scope; None where nobody can work it out anew.

    :param grant: what the rules give to whoever brings the token
    :param whole: what they give to its owner
    """

    grant: Grant | None
    whole: Grant | None


def own_facts(known: Identity) -> dict[str, Any]:
    """Return what stays a token's own whatever the IdP says about its owner: how they authenticated for it."""
    return {"authentication": known.authentication}


def judge_token(rules: RecheckRules, token: Session, identity: Identity | None, now: int) -> Judged | Refusal:
    """Let the rules judge the owner, and once more whoever acts on the owner's behalf.

    :param identity: what the IdP says, or said last, of the owner; None where nobody knows
    """
    if identity is None:
        left = token.grant.at(now)
        return Refusal(ROLES_LOST) if left is None else Judged(None if left is token.grant else left, None)
    caller = rules.judge(token, replace(identity, actors=token.actors, client_id=token.client_id), now).decision
    if isinstance(caller, Refusal) or not token.actors:
        return caller if isinstance(caller, Refusal) else Judged(caller, caller)
    owner = rules.judge(token, replace(identity, actors=(), client_id=token.client_id), now).decision
    return Judged(caller, caller if isinstance(owner, Refusal) else owner)
