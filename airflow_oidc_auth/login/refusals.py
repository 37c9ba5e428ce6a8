"""Turn somebody away: the audit's row, the log's line, and what the page is to say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, SessionError
from airflow_oidc_auth.grants.grant import Refusal
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login import records
from airflow_oidc_auth.login.departures import facts_of
from airflow_oidc_auth.login.outcome import SHOWN_GROUPS, Refused, RequestContext, Visitor
from airflow_oidc_auth.login.ports import Audit, Sessions
from airflow_oidc_auth.login.sparing_log import SparingLog
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.provider import SignIn

log = logging.getLogger(__name__)


class Refusals:
    """Every way in which a sign-in ends without a session.

    :param clock: epoch seconds
    """

    def __init__(self, sessions: Sessions, audit: Audit, clock: Callable[[], float]) -> None:
        self._sessions = sessions
        self._audit = audit
        self._clock = clock
        self._log = SparingLog(log)

    async def by_rules(
        self, refusal: Refusal, sign_in: SignIn, attempt: LoginAttempt, context: RequestContext
    ) -> Refused:
        """Refuse somebody to whom the rules give nothing."""
        identity = sign_in.identity
        withdrawn = await self._withdraw(identity, attempt) if refusal.code == "no_matching_rule" else ()
        detail = {"place": refusal.path, **facts_of(sign_in)}
        refused = await self._refuse(
            refusal.code, identity, attempt, context, withdrawn=withdrawn, detail=detail, text=refusal.text
        )
        return replace(refused, step_up=refusal.rule)

    async def by_account(
        self, error: LoginRefused, sign_in: SignIn, attempt: LoginAttempt, context: RequestContext
    ) -> Refused:
        """Refuse somebody whom the rules let in and whose account elsewhere does not."""
        identity = sign_in.identity
        log.warning(
            "sign-in refused: code=%s correlation_id=%s detail=%r", error.code, attempt.correlation_id, error.detail
        )
        withdrawn = await self._withdraw(identity, attempt) if error.code == "fab_role_missing" else ()
        detail = {name: str(value) for name, value in error.evidence.items()} | dict(facts_of(sign_in))
        return await self._refuse(
            error.code, identity, attempt, context, withdrawn=withdrawn, detail=detail, hint=error.hint
        )

    async def _refuse(  # what the page and the audit say
        self,
        code: str,
        identity: Identity,
        attempt: LoginAttempt,
        context: RequestContext,
        *,
        withdrawn: tuple[str, ...],
        detail: Mapping[str, str],
        text: str = "",
        hint: str = "",
    ) -> Refused:
        record = records.build_refusal(
            identity, code, attempt.correlation_id, context, withdrawn=withdrawn, detail=detail
        )
        await self._sessions.run(self._audit.record, record)
        return Refused(
            code,
            attempt.correlation_id,
            text=text,
            hint=hint,
            provider=attempt.provider,
            visitor=_describe(identity),
            next_url=attempt.next_url,
        )

    async def _withdraw(self, identity: Identity, attempt: LoginAttempt) -> tuple[str, ...]:
        """Let a person without any role have none elsewhere; the refusal stands whether that works or not."""
        try:
            return await self._sessions.withdraw(identity)
        except SessionError as error:
            log.error(  # noqa: TRY400  # no stack needed
                "roles of a refused person live on: code=%s correlation_id=%s", error.code, attempt.correlation_id
            )
            return ()

    async def failed(
        self, error: OidcAuthError, attempt: LoginAttempt, context: RequestContext, *, spent: str | None
    ) -> Refused:
        """Say that a sign-in failed before anybody was known.

        :param spent: the attempt's cookie, which is of no more use
        """
        event = AuthEvent.LOGIN_REFUSED if isinstance(error, LoginRefused) else AuthEvent.LOGIN_FAILED
        await self._note_failure(error, event, attempt.provider, attempt.correlation_id, context)
        return Refused(
            error.code,
            attempt.correlation_id,
            hint=error.hint,
            provider=attempt.provider,
            next_url=attempt.next_url,
            spent=spent,
        )

    async def lost(self, error: ProtocolViolation, provider: str | None, context: RequestContext) -> Refused:
        """Say that an answer belongs to no attempt of this browser."""
        await self._note_failure(error, AuthEvent.LOGIN_FAILED, provider, context.correlation_id, context)
        return Refused(error.code, context.correlation_id, hint=error.hint)

    async def _note_failure(
        self, error: OidcAuthError, event: AuthEvent, provider: str | None, correlation_id: str, context: RequestContext
    ) -> None:
        self._log.warning(
            error.code,
            "%s code=%s correlation_id=%s provider=%s detail=%r evidence=%r",
            *(event.value, error.code, correlation_id, provider, error.detail, dict(error.evidence)),
        )
        record = records.build_anonymous(event, error.code, provider, correlation_id, context)
        try:
            await self._sessions.run(self._audit.record_anonymous_failure, record, self._clock())
        except SessionError as lost:
            # The door is shut already; the line above is what remains of this failure.
            log.error("audit record lost: code=%s correlation_id=%s", lost.code, correlation_id)  # noqa: TRY400


def _describe(identity: Identity) -> Visitor:
    groups = sorted(identity.groups)
    return Visitor(
        name=identity.name,
        email=identity.email,
        issuer=identity.issuer,
        groups=tuple(groups[:SHOWN_GROUPS]),
        more_groups=max(0, len(groups) - SHOWN_GROUPS),
    )
