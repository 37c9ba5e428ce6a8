"""The audit rows of identity providers' tokens: who came in, once in an hour; who did not, counted."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from airflow_oidc_auth.audit.delegation import delegation_facts
from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.errors import OidcAuthError, SessionError
from airflow_oidc_auth.login.records import rule_names
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.api_call import ApiCall

log = logging.getLogger(__name__)

TOLD_EVERY = 3600
MAX_TOLD = 10_000

_Key = tuple[str, str | None, tuple[str, ...], tuple[str, ...]]


class BearerAudit:
    """Tell of tokens. One per process, so each server tells for itself.

    :param audit: of the document in force
    """

    def __init__(self, services: Services, audit: Callable[[], AuditLog]) -> None:
        self._live = services.live
        self._clock = services.clock
        self._audit = audit
        self._told: OrderedDict[_Key, float] = OrderedDict()

    def is_told(self, user: SessionUser) -> bool:
        """Tell whether it was written within the hour that this owner came in, by this client, with these roles."""
        return self._told.get(_key(user.session), float("-inf")) > self._clock() - TOLD_EVERY

    async def accepted(self, user: SessionUser, call: ApiCall) -> None:
        """Write that somebody came in.

        :raises SessionError: it cannot be written, and nobody shall come in without
        """
        key, now = _key(user.session), self._clock()
        await self._live.run(self._audit().record, build_bearer_login(user, call))
        self._told.pop(key, None)
        self._told[key] = now
        if len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)

    async def refused(self, call: ApiCall, error: OidcAuthError) -> None:
        """Count a refusal; the first of its kind in a minute is written. Never raises."""
        due = self._audit().count_failure(build_token_refused(call, error), self._clock())
        if not due:
            return
        log.info("token refused: %s (%s)", error, call.correlation_id)
        try:
            await self._live.run(self._audit().record_all, due)
        except SessionError as failure:
            log.warning("%d audit records of refused tokens are lost: %s", len(due), failure)


def _key(session: Session) -> _Key:
    return session.principal_id, session.client_id, session.actors, session.grant.roles


def build_bearer_login(user: SessionUser, call: ApiCall) -> AuditRecord:
    """Return the row of a token's owner who came in."""
    session = user.session
    return AuditRecord(
        event=AuthEvent.LOGIN,
        correlation_id=call.correlation_id,
        reason="rules_matched",
        owner=user.get_name(),
        provider=session.provider,
        issuer=session.issuer,
        subject=session.subject,
        principal_id=session.principal_id,
        rules=rule_names(session.grant),
        roles_after=session.grant.roles,
        client_address=call.client_address,
        detail=(("via", session.kind), *delegation_facts(session.client_id, session.actors), *_bound(session)),
    )


def build_token_refused(call: ApiCall, error: OidcAuthError) -> AuditRecord:
    """Return the record of a token that was not taken; it names its owner only where that was verified."""
    identity = call.identity
    record = AuditRecord(
        event=AuthEvent.TOKEN_REFUSED,
        correlation_id=call.correlation_id,
        reason=error.code,
        provider=call.provider or None,
        client_address=call.client_address,
    )
    if identity is None:
        return record
    facts = delegation_facts(identity.client_id, identity.actors)
    return replace(record, owner=identity.name, issuer=identity.issuer, subject=identity.subject, detail=facts)


def _bound(session: Session) -> tuple[tuple[str, str], ...]:
    return (("bound", "dpop"),) if session.jkt else ()
