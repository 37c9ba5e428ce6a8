"""Link an existing FAB user to an identity: an administrator's explicit act, never a guess by name.

The caller commits, and audits in the same transaction with :func:`build_linked` or :func:`build_unlinked`:
``AirflowLogSink(lambda: nullcontext(transaction)).write(record)``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, or_, select, true, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.errors import OidcAuthError, SessionError
from airflow_oidc_auth.fab.link_rows import NOTHING_GIVEN, store_link
from airflow_oidc_auth.fab.tables import created_on_text, fab_tables
from airflow_oidc_auth.sessions.grant_document import dump_roles
from airflow_oidc_auth.sessions.limits import MAX_IDENTITY_LENGTH, MAX_NAME_LENGTH
from airflow_oidc_auth.sessions.models import fab_users, principals
from airflow_oidc_auth.sessions.principal import principal_id

_L = fab_users.c
_P = principals.c


@dataclass(frozen=True, slots=True)
class FabLink:
    """One identity and its FAB user.

    :param username: None when the FAB user was deleted; the link then gives nothing to anybody
    :param linked_at: epoch seconds
    :param linked_by: ``sign-in`` or who ran ``airflow oidc link``
    """

    principal_id: str
    issuer: str
    subject: str
    user_id: int
    username: str | None
    linked_at: int
    linked_by: str


def link(transaction: Transaction, user: str | int, issuer: str, subject: str, *, by: str, now: int) -> FabLink:
    """Let an existing FAB user be the account of an identity; the caller commits.

    The roles that the user has count as assigned in FAB until the next sign-in.

    :param user: exact user name, or the id of the FAB user
    :param by: who does it, for the table and the audit
    :param now: epoch seconds
    :raises OidcAuthError: ``fab_user_unknown``, ``fab_already_linked``
    :raises SessionError: ``identity_not_storable``, ``principal_conflict``
    """
    _check_identity(issuer, subject)
    mine = principal_id(issuer, subject)
    # Waits for a sign-in of this person in progress, which would replace a link that it did not see.
    transaction.execute(update(principals).where(_P.id == mine).values(id=mine))
    found = _find_user(transaction, user)
    for known in _links(transaction, or_(_L.principal_id == mine, _L.user_id == found.id)):
        if known.username is not None:
            raise _already_linked(known)
    _store_principal(transaction, mine, issuer, subject, name=found.username, now=now)
    store_link(transaction, mine, found.id, found.created_on, given_document=NOTHING_GIVEN, by=by, now=now)
    return FabLink(mine, issuer, subject, found.id, found.username, now, by[:MAX_NAME_LENGTH])


def unlink(transaction: Transaction, user: str | int) -> FabLink:
    """Take the identity away from a FAB user; its sessions end when the directory next polls.

    :param user: exact user name, or the id of the FAB user
    :raises OidcAuthError: ``fab_user_unknown``, ``fab_not_linked``
    """
    found = _find_user(transaction, user)
    return _delete(transaction, _L.user_id == found.id, f"FAB user {found.username!r} is linked to no identity")


def unlink_identity(transaction: Transaction, issuer: str, subject: str) -> FabLink:
    """Take the FAB user away from an identity, whether the user still exists or not.

    :raises OidcAuthError: ``fab_not_linked``
    """
    mine = principal_id(issuer, subject)
    return _delete(transaction, _L.principal_id == mine, f"{subject!r} of {issuer!r} is linked to no FAB user")


def find_links(transaction: Transaction) -> tuple[FabLink, ...]:
    """Return every link by user name, those of deleted FAB users last."""
    links = _links(transaction, true())
    return tuple(sorted(links, key=lambda known: (known.username is None, known.username or "", known.user_id)))


def build_linked(linked: FabLink, *, by: str, correlation_id: str) -> AuditRecord:
    """Return the audit's row of :func:`link`."""
    return _build(AuthEvent.USER_LINKED, linked, by, correlation_id)


def build_unlinked(unlinked: FabLink, *, by: str, correlation_id: str) -> AuditRecord:
    """Return the audit's row of :func:`unlink` and :func:`unlink_identity`."""
    return _build(AuthEvent.USER_UNLINKED, unlinked, by, correlation_id)


def _build(event: AuthEvent, known: FabLink, by: str, correlation_id: str) -> AuditRecord:
    return AuditRecord(
        event=event,
        correlation_id=correlation_id,
        reason="admin_request",
        owner=by,
        issuer=known.issuer,
        subject=known.subject,
        principal_id=known.principal_id,
        detail=(("fab_user", known.username or ""), ("fab_user_id", known.user_id)),
    )


def _check_identity(issuer: str, subject: str) -> None:
    for name, value in (("--issuer", issuer), ("--subject", subject)):
        if not value or len(value) > MAX_IDENTITY_LENGTH or not value.isprintable():
            raise SessionError("identity_not_storable", f"{name} is empty, too long or has unprintable characters")


def _find_user(transaction: Transaction, user: str | int) -> Any:
    """Return id, name and creation time of the user of exactly this name (``==`` in Python: databases fold case)."""
    users = fab_tables().users.c
    statement = select(users.id, users.username, users.created_on)
    if isinstance(user, int):
        row = transaction.execute(statement.where(users.id == user)).one_or_none()
        if row is None:
            raise OidcAuthError("fab_user_unknown", f"no FAB user has the id {user}")
        return row
    for row in transaction.execute(statement.where(users.username == user)):
        if row.username == user:
            return row
    raise _user_unknown(transaction, user)


def _user_unknown(transaction: Transaction, user: str) -> OidcAuthError:
    names = list(transaction.execute(select(fab_tables().users.c.username)).scalars())
    folded = {name.casefold(): name for name in names}
    close = [folded[name] for name in difflib.get_close_matches(user.casefold(), list(folded), n=3)]
    hint = f"Did you mean {' or '.join(map(repr, close))}? Letter case counts." if close else None
    return OidcAuthError("fab_user_unknown", f"no FAB user is called {user!r}", hint=hint)


def _already_linked(known: FabLink) -> OidcAuthError:
    detail = f"FAB user {known.username!r} is linked to {known.subject!r} of {known.issuer!r}"
    return OidcAuthError("fab_already_linked", detail)


def _store_principal(transaction: Transaction, mine: str, issuer: str, subject: str, *, name: str, now: int) -> None:
    """Make the row of a person who never signed in; the first sign-in gives it their own name."""
    stored = transaction.execute(select(_P.issuer, _P.subject).where(_P.id == mine)).one_or_none()
    if stored is not None:
        if (stored.issuer, stored.subject) != (issuer, subject):
            raise SessionError("principal_conflict", f"principal {mine} has another issuer or subject")
        return
    row = {"id": mine, "issuer": issuer, "subject": subject, "name": name[:MAX_NAME_LENGTH], "email": None}
    times = {"created_at": now, "signed_in_at": now}
    transaction.execute(insert(principals).values({**row, **times, "roles": dump_roles(())}))


def _links(transaction: Transaction, condition: Any) -> list[FabLink]:
    users = fab_tables().users
    statement = (
        select(
            *(_L.principal_id, _P.issuer, _P.subject, _L.user_id, _L.user_created_on, _L.linked_at, _L.linked_by),
            *(users.c.username, users.c.created_on),
        )
        .join_from(fab_users, principals, _P.id == _L.principal_id)
        .outerjoin(users, users.c.id == _L.user_id)
        .where(condition)
    )
    return [_parse_link(row) for row in transaction.execute(statement)]


def _parse_link(row: Any) -> FabLink:
    same = row.username is not None and row.user_created_on == created_on_text(row.created_on)
    username = row.username if same else None
    return FabLink(row.principal_id, row.issuer, row.subject, row.user_id, username, row.linked_at, row.linked_by)


def _delete(transaction: Transaction, condition: Any, otherwise: str) -> FabLink:
    known = _links(transaction, condition)
    if not known:
        raise OidcAuthError("fab_not_linked", otherwise)
    transaction.execute(delete(fab_users).where(condition))
    return known[0]
