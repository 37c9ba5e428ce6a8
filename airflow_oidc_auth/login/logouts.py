"""Sessions that the IdP ends: OIDC Back-Channel Logout 1.0 and Front-Channel Logout 1.0. SAML's way is beside this one.

The back channel believes a signature, each token once. The front channel has neither signature nor cookie, only the
IdP's own name of the session, which nobody can guess: it ends that one session and tells nobody whether there was one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, SessionError
from airflow_oidc_auth.login import records
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.ports import Audit, Pool, Sessions
from airflow_oidc_auth.login.sparing_log import SparingLog
from airflow_oidc_auth.providers.logout_token import LogoutClaims
from airflow_oidc_auth.providers.provider import Provider
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.session import Session

log = logging.getLogger(__name__)

MAX_SID = 255
MAX_ISSUER = 1024


@runtime_checkable
class ReadsLogoutTokens(Protocol):
    """A provider whose IdP can tell us of a logout (:class:`airflow_oidc_auth.providers.oidc.OidcProvider`)."""

    issuer: str

    def read_logout_token(self, token: str) -> LogoutClaims:
        """Verify a logout token; may fetch the IdP's keys."""
        ...

    def build_logout_url(self, *, id_token_hint: None, post_logout_redirect_uri: str) -> str | None:
        """Return the IdP's logout address."""
        ...


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


class IdpLogouts:
    """End what an IdP says has ended, for the OpenID providers of one configuration.

    :param clock: epoch seconds
    """

    def __init__(
        self, providers: Mapping[str, Running], sessions: Sessions, audit: Audit, clock: Callable[[], float]
    ) -> None:
        self._providers = providers
        self._sessions = sessions
        self._audit = audit
        self._clock = clock
        self._log = SparingLog(log)

    async def end_by_token(self, provider_id: str, logout_token: str, context: RequestContext) -> int:
        """End the sessions that a logout token names (Back-Channel Logout §2.6 and §2.7); return how many.

        :raises ProtocolViolation: ``logout_token_…``, ``provider_unknown``: nothing has ended
        :raises ProviderError: nobody can say whether the token is genuine
        :raises SessionError: some sessions may live on
        """
        try:
            running, provider = self._find(provider_id)
            claims = await running.pool.run(provider.read_logout_token, logout_token)
            return await self._sessions.run(self._end_named, provider_id, claims, context)
        except OidcAuthError as error:
            await self._note_refusal(error, provider_id, context)
            raise

    async def end_by_name(self, provider_id: str, issuer: str, sid: str, context: RequestContext) -> int:
        """End the session that ``iss`` and ``sid`` name (Front-Channel Logout §3); return how many have ended.

        :raises ProtocolViolation: ``frontchannel_logout_unnamed`` or ``provider_unknown``
        :raises SessionError: the session may live on
        """
        _, provider = self._find(provider_id)
        # What is not printable is no name that a session is kept under, and a database may refuse to look for it.
        if not 0 < len(sid) <= MAX_SID or not sid.isprintable() or not 0 < len(issuer) <= MAX_ISSUER:
            raise ProtocolViolation("frontchannel_logout_unnamed", "iss or sid is missing, too long or no text")
        if _origin(issuer) != _origin(provider.issuer):
            return 0
        named = await self._sessions.run(self._named_by_sid, provider_id, issuer, sid)
        return await self._sessions.run(self._end, named, records.FRONTCHANNEL_LOGOUT, context)

    async def frame_origins(self, provider_id: str, signed_out_uri: str) -> tuple[str, ...]:
        """Return the origins whose pages may frame ours: the issuer's, and the one that its logout page is on."""
        running, provider = self._find(provider_id)
        url = await running.pool.run(_logout_url, provider, signed_out_uri)
        return tuple(dict.fromkeys(_origin(each) for each in (provider.issuer, url) if each))

    def _find(self, provider_id: str) -> tuple[Running, ReadsLogoutTokens]:
        running = self._providers.get(provider_id)
        if running is None:
            raise ProtocolViolation("provider_unknown", f"{provider_id[:64]!r} is not configured")
        if not isinstance(running.provider, ReadsLogoutTokens):
            raise ProtocolViolation("logout_token_unsupported", f"{provider_id!r} is no OpenID provider")
        return running, running.provider

    def _named_by_token(self, provider_id: str, claims: LogoutClaims) -> Sequence[Session]:
        now, named = int(self._clock()), []
        if claims.sid is not None:
            found = self._named_by_sid(provider_id, claims.issuer, claims.sid)
            named += [session for session in found if claims.subject in (None, session.subject)]
        if claims.subject is not None:
            theirs = self._sessions.store.sessions_by_identity(claims.issuer, claims.subject, now=now)
            # With a sid only that session is meant; one whose sid we were never told may be the one. Tokens of programs
            # belong to the person: they end when all that the person has is to end.
            unnamed = [each for each in theirs if each.idp_sid is None and not each.is_token]
            named += theirs if claims.sid is None else unnamed
        return named

    def _named_by_sid(self, provider_id: str, issuer: str, sid: str) -> list[Session]:
        found = self._sessions.store.list_sessions(now=int(self._clock()), provider=provider_id, idp_sid=sid)
        return [session for session in found if session.issuer == issuer]

    def _end_named(self, provider_id: str, claims: LogoutClaims, context: RequestContext) -> int:
        """End what a token names, and use the token up; blocks.

        In this order: what fails in between is tried again by the IdP, with the same token.
        """
        store, now = self._sessions.store, int(self._clock())
        name = hashlib.sha256(f"logout token\n{claims.issuer}\n{claims.jti}".encode()).hexdigest()
        if store.is_claimed(name, now=now):
            raise ProtocolViolation("logout_token_replayed", "its jti was used before")
        named = self._named_by_token(provider_id, claims)
        count = self._end(named, records.BACKCHANNEL_LOGOUT, context, _named_as_a_whole(claims))
        if not store.claim(name, expires_at=claims.expires_at, now=now):
            raise ProtocolViolation("logout_token_replayed", "its jti was used at the same moment")
        return count

    def _end(self, named: Sequence[Session], reason: str, context: RequestContext, revoked: Sequence[str] = ()) -> int:
        """End sessions; return how many have ended.

        :param revoked: principals to whom nothing counts any more that was issued until now
        """
        for whole in revoked:
            self._sessions.revoke_principal_now(whole)
        ended = self._sessions.end_many_now([session.id for session in named], reason=reason)
        for each in ended:
            self._audit.record(records.build_ended(each.session, reason, context))
        return len(ended)

    async def _note_refusal(self, error: OidcAuthError, provider_id: str, context: RequestContext) -> None:
        provider = provider_id if provider_id in self._providers else None
        self._log.warning(
            error.code,
            "logout of the identity provider failed: code=%s correlation_id=%s provider=%s detail=%r evidence=%r",
            *(error.code, context.correlation_id, provider, error.detail, dict(error.evidence)),
        )
        record: AuditRecord = records.build_anonymous(
            AuthEvent.TOKEN_REFUSED, error.code, provider, context.correlation_id, context
        )
        try:
            await self._sessions.run(self._audit.record_anonymous_failure, record, self._clock())
        except SessionError as lost:
            log.error(  # noqa: TRY400  # no stack needed
                "audit record lost: code=%s correlation_id=%s", lost.code, context.correlation_id
            )


def _named_as_a_whole(claims: LogoutClaims) -> tuple[str, ...]:
    """Return the principal of whom everything is to end (Back-Channel Logout §2.4: a ``sub`` without ``sid``)."""
    if claims.subject is None or claims.sid is not None:
        return ()
    return (principal_id(claims.issuer, claims.subject),)


def _logout_url(provider: ReadsLogoutTokens, signed_out_uri: str) -> str | None:
    return provider.build_logout_url(id_token_hint=None, post_logout_redirect_uri=signed_out_uri)


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def build_backchannel_logout_uri(base_url: str, provider_id: str) -> str:
    """Return the back-channel logout address to register at the IdP."""
    return f"{base_url.rstrip('/')}/auth/backchannel-logout/{provider_id}"


def build_frontchannel_logout_uri(base_url: str, provider_id: str) -> str:
    """Return the front-channel logout address to register at the IdP."""
    return f"{base_url.rstrip('/')}/auth/frontchannel-logout/{provider_id}"
