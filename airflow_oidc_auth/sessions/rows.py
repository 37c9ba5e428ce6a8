"""Between sign-ins, sessions and rows: what may be stored, and what a stored row is believed."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions import limits
from airflow_oidc_auth.sessions.grant_document import parse_grant
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.session import BROWSER, Opening, Recheck, Session

log = logging.getLogger(__name__)

_LATEST = 2**53


def check_storable(identity: Identity) -> None:
    """Refuse an identity that a column cannot hold whole: a shortened subject would be somebody else's.

    :raises SessionError: ``identity_not_storable``
    """
    for name, value in (("iss", identity.issuer), ("sub", identity.subject)):
        if not value or len(value) > limits.MAX_IDENTITY_LENGTH or not value.isprintable():
            raise SessionError("identity_not_storable", f"{name} is empty, too long or has unprintable characters")


def new_session(  # one argument per fact
    session_id: str,
    sign_in: SignIn,
    grant: Grant,
    now: int,
    expires_at: int,
    client_address: str | None,
    opening: Opening,
) -> Session:
    """Return the session of a sign-in, in the form in which it can be stored."""
    identity = sign_in.identity
    # A shortened e-mail would be another one; a shortened name is still the person's.
    email = identity.email if identity.email and len(identity.email) <= limits.MAX_EMAIL_LENGTH else None
    return Session(
        id=session_id,
        principal_id=principal_id(identity.issuer, identity.subject),
        provider=identity.provider,
        issuer=identity.issuer,
        subject=identity.subject,
        name=storable(identity.name)[: limits.MAX_NAME_LENGTH],
        email=email and storable(email),
        grant=grant,
        grant_digest=grant_digest(grant),
        created_at=now,
        expires_at=expires_at,
        idp_sid=storable_sid(sign_in.sid),
        client_address=client_address and storable(client_address)[: limits.MAX_ADDRESS_LENGTH],
        auth_time=_storable_time(sign_in.auth_time),
        seen_at=now,
        check_due_at=opening.check_due_at,
        regrade_at=opening.regrade_at,
    )


def changed_session(session: Session, recheck: Recheck, grant: Grant, now: int) -> Session:
    """Return a session as it is after a re-check."""
    return replace(
        session,
        grant=grant,
        grant_digest=grant_digest(grant),
        idp_sid=storable_sid(recheck.sid) or session.idp_sid,
        checked_at=now if recheck.confirmed else session.checked_at,
        check_due_at=recheck.check_due_at,
        regrade_at=recheck.regrade_at,
        verify_by=session.verify_by if recheck.verify_by is None else recheck.verify_by,
    )


def storable_sid(sid: str | None) -> str | None:
    """Return the IdP's session id, or None for one that a column cannot hold: shortened it would be another one."""
    return storable(sid) if sid and len(sid) <= limits.MAX_SID_LENGTH else None


def _storable_time(moment: int | None) -> int | None:
    """Drop a time that no column holds; the IdP may write any number."""
    return moment if moment is not None and 0 <= moment <= _LATEST else None


def storable(text: str) -> str:
    """Drop what PostgreSQL refuses: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def parse_session(row: Any) -> Session | None:
    """Return the session of a stored row, or None for one that was tampered with."""
    grant = _parse_grant(row)
    if grant is None:
        return None
    if principal_id(row.issuer, row.subject) != row.principal_id:
        log.error("Session of principal %s is refused: the principal has another issuer or subject", row.principal_id)
        return None
    try:
        actors, scope = _texts(row.actors) or (), _texts(row.scope)
    except ValueError:
        # What it was narrowed to is not known: it must not be taken for one that is not narrowed.
        log.error("Session of principal %s is refused: its scope or actors cannot be read", row.principal_id)  # noqa: TRY400
        return None
    return Session(
        id=row.id,
        principal_id=row.principal_id,
        provider=row.provider,
        issuer=row.issuer,
        subject=row.subject,
        name=row.name,
        email=row.email,
        grant=grant,
        grant_digest=row.grant_digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
        idp_sid=row.idp_sid,
        client_address=row.client_address,
        auth_time=row.auth_time,
        seen_at=row.seen_at,
        checked_at=row.checked_at,
        check_due_at=row.check_due_at,
        regrade_at=row.regrade_at,
        kind=row.kind or BROWSER,
        label=row.label,
        client_id=row.client_id,
        actors=actors,
        jkt=row.jkt,
        scope=scope,
        verify_by=row.verify_by,
        parent=row.parent,
    )


def dump_texts(texts: tuple[str, ...] | None) -> str | None:
    """Return texts as ASCII JSON, None for none at all."""
    return None if texts is None else json.dumps(texts)


def _texts(document: str | None) -> tuple[str, ...] | None:
    if document is None:
        return None
    texts = json.loads(document)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("no list of texts")
    return tuple(texts)


def _parse_grant(row: Any) -> Grant | None:
    try:
        return parse_grant(row.grant_document, row.grant_digest)
    except ValueError as error:
        log.error("Session of principal %s is refused: %s", row.principal_id, error)  # noqa: TRY400  # no stack needed
        return None
