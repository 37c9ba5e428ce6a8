"""What only SAML has besides sign-in: our metadata, and logout messages in both directions."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, SessionError
from airflow_oidc_auth.login import records
from airflow_oidc_auth.login.departures import SpeaksSaml
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.ports import Audit, Pool, Sessions
from airflow_oidc_auth.login.sparing_log import SparingLog
from airflow_oidc_auth.providers.provider import Provider
from airflow_oidc_auth.providers.saml.bindings import LogoutMessage, Post, Redirect

if TYPE_CHECKING:
    # Importing it needs the extra [saml].
    from airflow_oidc_auth.providers.saml.logout import LogoutRequested

log = logging.getLogger(__name__)

# What `secrets.token_urlsafe(16)` makes.
_OWN_STATE = re.compile(r"[A-Za-z0-9_-]{22}")


class Running(Protocol):
    """A provider and its threads (:class:`airflow_oidc_auth.login.journey.RunningProvider`)."""

    @property
    def provider(self) -> Provider:
        """The provider."""
        ...

    @property
    def pool(self) -> Pool:
        """Its threads."""
        ...


class SamlExchange:
    """The exchanges with SAML providers of one configuration."""

    def __init__(self, providers: Mapping[str, Running], sessions: Sessions, audit: Audit) -> None:
        self._providers = providers
        self._sessions = sessions
        self._audit = audit
        self._log = SparingLog(log)

    def find(self, provider_id: str) -> SpeaksSaml | None:
        """Return the SAML provider of that id, if it is one."""
        running = self._providers.get(provider_id)
        provider = running.provider if running else None
        return provider if isinstance(provider, SpeaksSaml) else None

    async def metadata(self, provider_id: str) -> bytes | None:
        """Return what to upload at the IdP; None if there is no such provider."""
        provider = self.find(provider_id)
        return None if provider is None else await self._providers[provider_id].pool.run(provider.metadata)

    async def finish_logout(
        self, provider_id: str, message: LogoutMessage, request_ids: Sequence[str], context: RequestContext
    ) -> None:
        """Take note of the IdP's answer to our LogoutRequest; our session has ended before, whatever it says.

        :param request_ids: what our request may have been called; the newest key's name first
        """
        provider = self.find(provider_id)
        if provider is None:
            return
        try:
            complete = await self._providers[provider_id].pool.run(_complete_logout, provider, message, request_ids)
        except OidcAuthError as error:
            self._log.warning(
                error.code,
                "logout answer refused: code=%s correlation_id=%s provider=%s detail=%r",
                *(error.code, context.correlation_id, provider_id, error.detail),
            )
            return
        if not complete:
            log.warning(
                "the identity provider did not end every session: correlation_id=%s provider=%s",
                *(context.correlation_id, provider_id),
            )

    async def end_for_idp(
        self, provider_id: str, message: LogoutMessage, context: RequestContext
    ) -> tuple[Redirect | Post, tuple[str, ...]]:
        """End the sessions that a LogoutRequest names; return the answer and the ids of sessions that ended.

        :raises ProtocolViolation: it is not the IdP's request, or was brought before
        """
        provider = self.find(provider_id)
        if provider is None:
            raise ProtocolViolation("provider_unknown", f"{provider_id!r} speaks no SAML")
        requested = await self._providers[provider_id].pool.run(provider.answer_logout_request, message)
        try:
            await self._use_up(requested)
            ended = await self._end(provider_id, requested, context)
        except SessionError as error:
            log.error(  # noqa: TRY400  # no stack needed
                "logout of the identity provider failed: code=%s correlation_id=%s", error.code, context.correlation_id
            )
            return requested.failed, ()
        return requested.answer, ended

    async def _use_up(self, requested: LogoutRequested) -> None:
        cache = self._sessions.replay_cache()
        if await self._sessions.run(cache.seen, requested.replay_key, requested.usable_until):
            raise ProtocolViolation("saml_replayed", "the logout request was brought before")

    async def _end(self, provider_id: str, requested: LogoutRequested, context: RequestContext) -> tuple[str, ...]:
        ended = []
        for key in filter(None, requested.session_keys or (requested.session_prefix,)):
            for session in await self._sessions.sessions_of_idp(provider_id, key):
                if one := await self._sessions.end(session.id, reason=records.IDP_LOGOUT):
                    ended.append(session.id)
                    record = records.build_ended_by_idp(one.session, context)
                    await self._sessions.run(self._audit.record, record)
        return tuple(ended)


def _complete_logout(provider: SpeaksSaml, message: LogoutMessage, request_ids: Sequence[str]) -> bool:
    for request_id in request_ids[1:]:
        try:
            return provider.complete_logout(message, request_id=request_id)
        except ProtocolViolation:
            continue
    return provider.complete_logout(message, request_id=request_ids[0])


def is_own_state(relay_state: str) -> bool:
    """Return whether a RelayState looks like the state of an attempt that was begun here."""
    return _OWN_STATE.fullmatch(relay_state) is not None
