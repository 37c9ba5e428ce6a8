"""Whose token of ours is it? For the token endpoint, where the proof of possession is about another request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from jwt import InvalidTokenError

from airflow_oidc_auth.login.ports import SignedCaller
from airflow_oidc_auth.managers.freshness import Freshness
from airflow_oidc_auth.managers.tokens import AirflowTokens
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.session import Session


class SignedCallers:
    """What knows our own tokens (:class:`airflow_oidc_auth.login.ports.SignedTokens`).

    :param authenticate: the door's own judgement of a token that we signed
    """

    def __init__(
        self,
        tokens: AirflowTokens,
        authenticate: Callable[[str], Awaitable[Session]],
        freshness: Freshness,
        live: LiveSessions,
    ) -> None:
        self._tokens = tokens
        self._authenticate = authenticate
        self._freshness = freshness
        self._live = live

    async def caller_of(self, token: str) -> SignedCaller | None:
        """Return whose token that is, whether or not it is bound to a key; None for any that is not accepted now.

        :raises SessionError: the session cannot be read, or nobody knows which sessions have ended
        """
        try:
            session = await self._authenticate(token)
            verified = self._tokens.recall(token) or await self._tokens.verify(token)
        except InvalidTokenError:
            return None
        return SignedCaller(session, verified.jti, verified.expires_at)

    def check_fresh(self) -> None:
        """Raise ``SessionError("revocations_stale")`` while nobody knows who was revoked."""
        self._freshness.check()

    def revoked_at(self, principal_id: str) -> int | None:
        """Return until when all that was issued to a principal is revoked, epoch seconds; None for never."""
        return self._live.feed.principal_revoked_at(principal_id)
