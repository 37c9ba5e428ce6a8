"""The audit records of break-glass: creation, use and end, each ``auth.break_glass``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login import records
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.sessions.break_glass import ISSUER, PROVIDER, Link
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.session import Opened

CREATED = "created"
USED = "used"
ENDED = "ended"
RULE = "break-glass"
PLACE = "airflow oidc break-glass"


def identity_of(link: Link) -> Identity:
    """Return who comes with a link: a principal of its own, who never signs in again."""
    return Identity(PROVIDER, ISSUER, link.id, f"break-glass ({link.created_by})")


def grant_of(link: Link) -> Grant:
    """Return what the link allows."""
    because = (f"made by {link.created_by}: {link.reason}",)
    return Grant((link.role,), matches=(RuleMatch(RULE, PLACE, (link.role,), (), because),))


def build_created(link: Link, correlation_id: str) -> AuditRecord:
    """Return the row of a link that was made; its owner is who made it."""
    return replace(_of_link(CREATED, link, correlation_id), owner=link.created_by, session_ref=None)


def build_used(link: Link, opened: Opened, context: RequestContext) -> Sequence[AuditRecord]:
    """Return the rows of a link that was used: a sign-in as any other, and what it was."""
    login = records.build_login(opened, context.correlation_id, context)
    login = replace(login, reason="break_glass")
    used = replace(login, event=AuthEvent.BREAK_GLASS, reason=USED, detail=(*_facts(link), *opened.notes))
    return (login, used)


def build_ended(link: Link, because: str, correlation_id: str) -> AuditRecord:
    """Return the row of a break-glass session that is over.

    :param because: ``expired``, ``session_ended`` or ``break_glass_disabled``
    """
    record = _of_link(ENDED, link, correlation_id)
    return replace(record, detail=(*record.detail, ("ended_because", because)))


def _of_link(reason: str, link: Link, correlation_id: str) -> AuditRecord:
    identity = identity_of(link)
    return AuditRecord(
        event=AuthEvent.BREAK_GLASS,
        correlation_id=correlation_id,
        reason=reason,
        owner=identity.name,
        provider=PROVIDER,
        issuer=ISSUER,
        subject=link.id,
        principal_id=principal_id(ISSUER, link.id),
        session_ref=link.session_id[: records.SESSION_REF_LENGTH] if link.session_id else None,
        roles_after=(link.role,),
        client_address=link.used_from,
        detail=_facts(link),
    )


def _facts(link: Link) -> tuple[tuple[str, str | int], ...]:
    return (("created_by", link.created_by), ("explanation", link.reason), ("minutes", link.minutes))
