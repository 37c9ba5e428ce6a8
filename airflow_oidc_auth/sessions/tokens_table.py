"""Token sessions: the rows of ``oidc_auth_session`` that stand behind tokens made for programs.

They belong to the principal. Whoever makes one holds the principal's row, and so does whoever revokes all that a
principal has: the two cannot miss each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import case, insert, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.grant_document import dump_grant, parse_grant
from airflow_oidc_auth.sessions.identity_document import dump_identity, parse_identity
from airflow_oidc_auth.sessions.keepers import keeper_until, live_tokens_of
from airflow_oidc_auth.sessions.principals_table import hold_principal
from airflow_oidc_auth.sessions.revocation import PRINCIPAL, parse_principal_key, principal_key
from airflow_oidc_auth.sessions.rows import dump_texts
from airflow_oidc_auth.sessions.session import BEARER, DueSession, Session
from airflow_oidc_auth.sessions.token_session import with_timer
from airflow_oidc_auth.sessions.transactions import rows

_S = models.sessions.c
_P = models.principals.c
_R = models.revocations.c


def insert_token(
    transaction: Transaction,
    cipher: TokenCipher,
    owner: Session,
    make: Callable[[Session], Session],
    *,
    now: int,
    identity: Identity | None,
    unverified_lifetime: int,
) -> Session:
    """Store a token session; return it as it is stored.

    :param make: :func:`.token_session.new_token_session` for what the owner has now
    :param identity: what the IdP said of the owner; None for what the owner's own row keeps of it
    :raises SessionError: ``token_owner_gone``, ``token_owner_unverified``, ``token_scope_not_held`` or
        ``principal_conflict``
    """
    hold_principal(transaction, owner)
    checked_at, kept, grant = _check_owner(transaction, cipher, owner, now)
    # What memory knows of the owner may be a second old, and a role be gone since: a token would have it for a day.
    token = make(replace(owner, grant=grant, grant_digest=grant_digest(grant)))
    known = identity or kept
    until = keeper_until(transaction, owner.principal_id, owner.provider, now=now)
    asked = replace(token, checked_at=checked_at)
    stored = with_timer(asked, until, now=now, unverified_lifetime=unverified_lifetime)
    if stored is None:
        raise SessionError("token_owner_unverified", f"last confirmed {now - checked_at} s ago")
    transaction.execute(insert(models.sessions).values(_token_row(stored, known, cipher)))
    return stored


def _check_owner(
    transaction: Transaction, cipher: TokenCipher, owner: Session, now: int
) -> tuple[int, Identity | None, Grant]:
    """Return when the owner was last confirmed, what is kept of their claims and what they have; hold the owner's row.

    :raises SessionError: ``token_owner_gone``
    """
    _check_not_revoked(transaction, owner)
    if owner.kind == BEARER:
        return owner.checked_at or owner.created_at, None, owner.grant
    mine = _S.id == owner.id
    holding = update(models.sessions).where(mine, _S.ended_at.is_(None), _S.expires_at > now).values(id=owner.id)
    if not rows(transaction.execute(holding)):
        raise SessionError("token_owner_gone", f"session {owner.id[:8]} has ended")
    columns = (_S.checked_at, _S.created_at, _S.claims, _S.grant_document, _S.grant_digest)
    row = transaction.execute(select(*columns).where(mine).with_for_update()).one()
    claims = cipher.decrypt(row.claims, f"claims:{owner.id}")
    identity = parse_identity(claims, owner.provider, owner.issuer, owner.subject)
    try:
        grant = parse_grant(row.grant_document, row.grant_digest)
    except ValueError as error:
        raise SessionError("token_owner_gone", f"session {owner.id[:8]}: {error}") from None
    return row.checked_at or row.created_at, identity, grant


def _check_not_revoked(transaction: Transaction, owner: Session) -> None:
    begins = _R.revoked_key.startswith(f"{owner.principal_id}.", autoescape=True)
    keys = transaction.execute(select(_R.revoked_key).where(_R.kind == PRINCIPAL, begins)).scalars()
    moments = [parsed[1] for key in keys if (parsed := parse_principal_key(key))]
    # A sign-in of the same second came after: whoever is revoked has lost the session that asked.
    if any(owner.created_at < moment for moment in moments):
        raise SessionError("token_owner_gone", "everything that its principal had was revoked")


def _token_row(token: Session, identity: Identity | None, cipher: TokenCipher) -> dict[str, Any]:
    claims = None if identity is None else dump_identity(identity)
    return {
        "id": token.id,
        "principal_id": token.principal_id,
        "provider": token.provider,
        "name": token.name,
        "email": token.email,
        "grant_document": dump_grant(token.grant),
        "grant_digest": token.grant_digest,
        "client_address": token.client_address,
        "claims": cipher.encrypt(claims, f"claims:{token.id}"),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "auth_time": token.auth_time,
        "checked_at": token.checked_at,
        "regrade_at": token.regrade_at,
        "kind": token.kind,
        "label": token.label,
        "client_id": token.client_id,
        "actors": dump_texts(token.actors or None),
        "jkt": token.jkt,
        "scope": dump_texts(token.scope),
        "verify_by": token.verify_by,
        "parent": token.parent,
    }


def revoke_issued(transaction: Transaction, principal_id: str, *, now: int, until: int) -> None:
    """Publish that nothing counts any more that was issued to a principal until now; hold the principal's row."""
    holding = update(models.principals).where(_P.id == principal_id).values(id=principal_id)
    transaction.execute(holding)
    entry = {"kind": PRINCIPAL, "revoked_key": principal_key(principal_id, now), "expires_at": until, "created_at": now}
    transaction.execute(insert(models.revocations).values(entry))


def note_confirmed(transaction: Transaction, session: Session, *, now: int) -> None:
    """Let the tokens of a principal count as confirmed: the IdP was asked about one of their sessions."""
    theirs = live_tokens_of(session.principal_id, session.provider, now)
    transaction.execute(update(models.sessions).where(theirs, _S.id != session.id).values(checked_at=now))


def tell_tokens(
    transaction: Transaction, cipher: TokenCipher, session: Session, identity: Identity | None, *, now: int
) -> tuple[DueSession, ...]:
    """Give the tokens of a principal what the IdP now says of them; return those whose roles are to be worked out anew.

    How and when its owner authenticated stays a token's own: another sign-in was stronger, or weaker.
    """
    theirs = live_tokens_of(session.principal_id, session.provider, now)
    columns = (_S.id, _S.claims, _S.check_due_at, _S.regrade_at)
    found = transaction.execute(select(*columns).where(theirs, _S.id != session.id).order_by(_S.id)).all()
    return tuple(_tell(transaction, cipher, session, identity, row, now) for row in found)


def _tell(
    transaction: Transaction, cipher: TokenCipher, session: Session, identity: Identity | None, row: Any, now: int
) -> DueSession:
    regrade_at = marked(row.regrade_at, now)
    values: dict[str, Any] = {"checked_at": now, "regrade_at": regrade_at}
    if identity is not None:
        claims = cipher.decrypt(row.claims, f"claims:{row.id}")
        known = parse_identity(claims, session.provider, session.issuer, session.subject)
        told = identity if known is None else replace(identity, authentication=known.authentication)
        values["claims"] = cipher.encrypt(dump_identity(told), f"claims:{row.id}")
    transaction.execute(update(models.sessions).where(_S.id == row.id, _S.ended_at.is_(None)).values(values))
    return DueSession(row.id, session.provider, row.check_due_at, regrade_at)


def marked(regrade_at: int | None, now: int) -> int:
    """Return a due time that differs from the one that a re-check under way has read: what it writes is older."""
    return now - 1 if regrade_at == now else now


def mark_tokens(transaction: Transaction, session: Session, *, now: int) -> None:
    """Let the tokens of a principal be looked at again: whoever could be asked about them has gone."""
    theirs = live_tokens_of(session.principal_id, session.provider, now)
    moment = case((_S.regrade_at == now, now - 1), else_=now)
    transaction.execute(update(models.sessions).where(theirs).values(regrade_at=moment))


def children_of(transaction: Transaction, session_ids: Sequence[str], now: int) -> Sequence[str]:
    """Return the live token sessions that were made from these."""
    children = select(_S.id).where(_S.parent.in_(sorted(session_ids)), _S.ended_at.is_(None), _S.expires_at > now)
    return transaction.execute(children).scalars().all()
