"""The audit record of a token that was refused: which rule said no, to whom if that is known; no token, no secret."""

from __future__ import annotations

from dataclasses import replace

from airflow_oidc_auth.audit.delegation import delegation_facts
from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.records import build_anonymous
from airflow_oidc_auth.login.token_clients import CLIENT
from airflow_oidc_auth.login.token_errors import TokenDenied
from airflow_oidc_auth.login.token_subject import PROVIDER
from airflow_oidc_auth.sessions.principal import principal_id


def build_token_refused(error: OidcAuthError, context: RequestContext) -> AuditRecord:
    """Return the record; whoever writes it counts those that come in floods."""
    provider, client = (_text(error.evidence.get(name)) for name in (PROVIDER, CLIENT))
    record = build_anonymous(AuthEvent.TOKEN_REFUSED, error.code, provider, context.correlation_id, context)
    identity = error.identity if isinstance(error, TokenDenied) else None
    if identity is None:
        return replace(record, detail=delegation_facts(client, ()))
    return replace(
        record,
        owner=identity.name,
        provider=identity.provider,
        issuer=identity.issuer,
        subject=identity.subject,
        principal_id=principal_id(identity.issuer, identity.subject),
        detail=delegation_facts(identity.client_id, identity.actors),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
