"""What a token session is when it is made, and until when it may go without its owner being confirmed."""

from __future__ import annotations

from dataclasses import replace

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.sessions.limits import MAX_ADDRESS_LENGTH, MAX_CLIENT_LENGTH, MAX_LABEL_LENGTH
from airflow_oidc_auth.sessions.rows import storable
from airflow_oidc_auth.sessions.scope import narrow
from airflow_oidc_auth.sessions.session import Session, TokenRequest

UNVERIFIED_LIFETIME = 86_400
# The provider of programs that the document itself names: it vouches for them, and no IdP could.
OWN_CLIENTS = "tokens.clients"
# Looked at so long before it would end, in case that the IdP could be asked and is down.
MARGIN = 60
# For so long it then goes on.
OUTAGE_GRACE = 3_600


def new_token_session(
    session_id: str, owner: Session, request: TokenRequest, *, now: int, client_address: str | None
) -> Session:
    """Return the session of a token as it can be stored, before anything is known of its owner's confirmation.

    :param request: with a lifetime
    :raises SessionError: ``token_scope_not_held``: nothing is left within the scope
    """
    scope = None if request.scope is None else tuple(dict.fromkeys(request.scope))
    grant = owner.grant.at(now)
    granted = None if grant is None else narrow(grant, scope)
    if granted is None:
        raise SessionError("token_scope_not_held", "the owner has no role within the scope")
    ends = now + (request.lifetime or 0)
    return replace(
        owner,
        id=session_id,
        grant=granted,
        grant_digest=grant_digest(granted),
        created_at=now,
        expires_at=ends if request.not_after is None else min(ends, request.not_after),
        idp_sid=None,
        client_address=client_address and storable(client_address)[:MAX_ADDRESS_LENGTH],
        seen_at=None,
        checked_at=None,
        check_due_at=None,
        regrade_at=None,
        kind=request.kind,
        label=None if request.label is None else storable(request.label)[:MAX_LABEL_LENGTH] or None,
        client_id=None if request.client_id is None else storable(request.client_id)[:MAX_CLIENT_LENGTH],
        actors=request.actors,
        jkt=request.jkt,
        scope=scope,
        verify_by=None,
        parent=request.parent,
    )


def with_timer(token: Session, keeper_until: int | None, *, now: int, unverified_lifetime: int) -> Session | None:
    """Return a token session with the time by which its owner must be confirmed, and when to look at it next.

    None if that time has passed and nobody can be asked. While somebody can, and the IdP is down, it goes on.

    :param keeper_until: until when there is a session that the IdP can be asked about; None for none
    """
    if token.provider == OWN_CLIENTS:
        return token
    deadline = (token.checked_at or token.created_at) + unverified_lifetime
    if keeper_until is not None and deadline - now <= MARGIN:
        verify_by = now + min(unverified_lifetime, OUTAGE_GRACE)
    elif deadline <= now:
        return None
    else:
        verify_by = deadline
    looks = [verify_by - MARGIN if verify_by - MARGIN > now else verify_by]
    if keeper_until is not None:
        looks.append(keeper_until + 1)
    if token.grant.until is not None:
        looks.append(max(token.grant.until, now + 1))
    return replace(token, verify_by=verify_by, regrade_at=min(looks))
