"""Sign-outs: end the session here, and say where the browser can end the IdP's.

A page that is still open may overtake a sign-out: its next request is answered with 401, and it turns to the sign-in.
So whoever begins a sign-in with the cookie of a session that is being signed out, or has just been, finishes that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from airflow_oidc_auth.errors import OidcAuthError, SessionError
from airflow_oidc_auth.login import records
from airflow_oidc_auth.login.departures import LogoutTicket, build_logout, form_fields
from airflow_oidc_auth.login.logouts import Running
from airflow_oidc_auth.login.outcome import RequestContext, SignedOut
from airflow_oidc_auth.login.ports import Audit, Sessions
from airflow_oidc_auth.providers.saml.bindings import Post, Redirect
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.session import Ended, Ending

log = logging.getLogger(__name__)

# Making the address asks nobody; a server that is short of time still makes it.
LOGOUT_URL_TIMEOUT = 5.0
# What the IdP publishes may not be here yet, just after the start; a sign-out does not wait long for that.
METADATA_TIMEOUT = 2.0
LATELY = 60


class SignOuts:
    """The sign-outs of one configuration.

    :param sessions: audit rows are written, and addresses made, on its threads: those of a provider may all be waiting
        for a hung IdP
    :param signed_out_uri: where the IdP sends the browser back to
    :param clock: epoch seconds
    """

    def __init__(
        self,
        providers: Mapping[str, Running],
        sessions: Sessions,
        audit: Audit,
        clock: Callable[[], float],
        signed_out_uri: str,
    ) -> None:
        self._providers = providers
        self._sessions = sessions
        self._audit = audit
        self._clock = clock
        self._signed_out_uri = signed_out_uri

    async def sign_out(self, session_id: str, context: RequestContext, ticket: LogoutTicket | None = None) -> SignedOut:
        """End the session and say where the browser can end the IdP's.

        :param ticket: names the request to an IdP that answers it (SAML); without one such an IdP is not asked
        :raises SessionError: the store cannot be reached; the session has ended on this API server only
        """
        ended = await self._sessions.end(session_id, reason=records.USER_LOGOUT)
        if ended is None:
            return await self._after(await self._find(session_id), ticket) or SignedOut(ended=False)
        # A program's token may keep its owner's id_token for re-checks. Whoever brings that token is not shown it.
        hint = None if ended.session.is_token else ended.id_token
        _, departure = await asyncio.gather(
            self._record(ended, context), self._depart(ended.session.provider, hint, ticket)
        )
        return _signed_out(ended.session.provider, departure, ended=True)

    async def resume(self, session_id: str, context: RequestContext, ticket: LogoutTicket | None) -> SignedOut | None:
        """Finish a sign-out that was overtaken; None if there is none: the session ended otherwise, or long ago.

        :param session_id: of a token that core revoked, or whose session has ended
        :raises SessionError: the store cannot be reached
        """
        ending = await self._find(session_id)
        if ending is not None and ending.ended_at is None:
            # Core has revoked the token, and the browser was turned aside before it came to us.
            return await self.sign_out(session_id, context, ticket)
        return await self._after(ending, ticket)

    async def _find(self, session_id: str) -> Ending | None:
        return await self._sessions.run(self._sessions.store.find_ending, session_id, now=int(self._clock()))

    async def _after(self, ending: Ending | None, ticket: LogoutTicket | None) -> SignedOut | None:
        """Go on where a sign-out has ended the session just now; the servers' clocks may differ a little."""
        if ending is None or ending.ended_at is None or ending.reason != records.USER_LOGOUT:
            return None
        if self._clock() - ending.ended_at > LATELY:
            return None
        # Nothing names the IdP's session any more.
        return _signed_out(ending.provider, await self._depart(ending.provider, None, ticket), ended=False)

    async def _record(self, ended: Ended, context: RequestContext) -> None:
        """Write the row. The session is over: a database that is slow keeps nobody from the IdP's sign-out."""
        try:
            await self._sessions.run(self._audit.record, records.build_logout(ended.session, context))
        except SessionError as error:
            log.error(  # noqa: TRY400  # no stack needed
                "the row of a sign-out is late or lost: code=%s correlation_id=%s", error.code, context.correlation_id
            )

    async def _depart(
        self, provider_id: str, hint: Secret | None, ticket: LogoutTicket | None
    ) -> Redirect | Post | None:
        running = self._providers.get(provider_id)
        if running is None:
            return None
        build = partial(build_logout, running.provider, hint, self._signed_out_uri, ticket)
        try:
            if departure := await self._build(build):
                return departure
            # Perhaps only because nothing of the IdP's is here yet; where it is, nothing is fetched.
            await asyncio.wait_for(running.pool.run(running.provider.warm_up), METADATA_TIMEOUT)
            return await self._build(build)
        except (OidcAuthError, asyncio.TimeoutError):
            return None

    async def _build(self, build: Callable[[], Redirect | Post | None]) -> Redirect | Post | None:
        return await asyncio.wait_for(self._sessions.run(build), LOGOUT_URL_TIMEOUT)


def _signed_out(provider_id: str, departure: Redirect | Post | None, *, ended: bool) -> SignedOut:
    if departure is None:
        return SignedOut(ended=ended, provider=provider_id)
    return SignedOut(ended, departure.url, provider_id, form_fields(departure))
