"""The rows of ``oidc_auth_principal``: whoever writes a principal's row holds it until the transaction ends.

A transaction that needs both takes the principal's row before those of sessions, or two would wait for each other.
"""

from __future__ import annotations

import logging

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.grant_document import dump_roles, parse_roles
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.sessions.transactions import rows

log = logging.getLogger(__name__)

_P = models.principals.c


def store_principal(transaction: Transaction, session: Session) -> tuple[str, ...] | None:
    """Create or update the principal's row; return the roles of the previous sign-in.

    The update comes first because it takes the row's write lock on every database: a second sign-in at the same
    moment waits here, and so sees the roles that the first one stores.
    """
    display = {"name": session.name, "email": session.email, "signed_in_at": session.created_at}
    mine = _P.id == session.principal_id
    roles = dump_roles(session.grant.roles)
    if not rows(transaction.execute(update(models.principals).where(mine).values(display))):
        row = {"id": session.principal_id, "issuer": session.issuer, "subject": session.subject}
        created = {"roles": roles, "created_at": session.created_at}
        transaction.execute(insert(models.principals).values({**row, **display, **created}))
        return None
    stored = transaction.execute(select(_P.issuer, _P.subject, _P.roles).where(mine)).one()
    if (stored.issuer, stored.subject) != (session.issuer, session.subject):
        raise SessionError("principal_conflict", f"principal {session.principal_id} has another issuer or subject")
    transaction.execute(update(models.principals).where(mine).values(roles=roles))
    try:
        return parse_roles(stored.roles)
    except ValueError:
        log.warning("The roles of principal %s cannot be read; they are taken as none", session.principal_id)
        return ()


def hold_principal(transaction: Transaction, session: Session) -> None:
    """Lock the principal's row until the transaction ends; create it for somebody who never signed in here.

    :raises SessionError: ``principal_conflict``
    """
    mine = _P.id == session.principal_id
    if not rows(transaction.execute(update(models.principals).where(mine).values(id=session.principal_id))):
        store_principal(transaction, session)
        return
    stored = transaction.execute(select(_P.issuer, _P.subject).where(mine)).one()
    if (stored.issuer, stored.subject) != (session.issuer, session.subject):
        raise SessionError("principal_conflict", f"principal {session.principal_id} has another issuer or subject")


def store_roles(transaction: Transaction, principal_id: str, roles: tuple[str, ...]) -> None:
    """Keep the roles that a re-check gave, for the next sign-in to compare with; locks the row."""
    mine = _P.id == principal_id
    transaction.execute(update(models.principals).where(mine).values(roles=dump_roles(roles)))
