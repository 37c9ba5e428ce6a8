"""What a session still gives, by the clock and from memory; and what the other sessions of its person give."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.grant_document import parse_grant
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.sessions.sessions_table import live

_S = models.sessions.c


def as_of(session: Session, now: float) -> Session | None:
    """Return the session without the roles whose authentication is too old by now; None if no role is left.

    A re-check takes them for good. It may be late, and the database may be away.
    """
    grant = session.grant.at(now)
    if grant is None:
        return None
    return session if grant is session.grant else replace(session, grant=grant)


def roles_elsewhere(transaction: Transaction, principal_id: str, *, now: int, apart_from: str | None) -> frozenset[str]:
    """Return the roles that the live sessions of a person have now, without one of them."""
    statement = select(_S.id, _S.grant_document, _S.grant_digest).where(_S.principal_id == principal_id, live(now))
    found: set[str] = set()
    for session_id, document, digest in transaction.execute(statement):
        if session_id != apart_from:
            found |= _roles(document, digest, now)
    return frozenset(found)


def _roles(document: str, digest: str, now: int) -> set[str]:
    try:
        grant = parse_grant(document, digest).at(now)
    except ValueError:
        # A session that was tampered with gives nothing; whoever loads it logs that.
        return set()
    return set() if grant is None else set(grant.roles)
