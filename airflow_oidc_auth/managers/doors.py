"""Who comes with a token: the one place that tells cookies, our own tokens and identity providers' tokens apart.

A cookie is sent by whoever can make a browser send a request: it is judged as a token that we signed, and never as one
of an identity provider. What the ``Authorization`` header holds is in :data:`~airflow_oidc_auth.web.api_call.CALL`.
"""

from __future__ import annotations

from collections.abc import Callable

from jwt import InvalidTokenError

from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.managers.admission import Admission
from airflow_oidc_auth.managers.bearer_cache import token_digest
from airflow_oidc_auth.managers.bearer_door import BearerDoor
from airflow_oidc_auth.managers.freshness import Freshness
from airflow_oidc_auth.managers.possession import Possession
from airflow_oidc_auth.managers.runtime import Runtime
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.tokens import AirflowTokens, VerifiedToken
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.providers.bearer.proof_memory import ProofMemory
from airflow_oidc_auth.sessions.granted import as_of
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.api_call import CALL, ApiCall
from airflow_oidc_auth.web.seen import note_left, note_session


class Doors:
    """Judge every token that comes in; built once per process.

    :param runtime: of the document in force
    :param vouches: tells whether the document still knows the owner of a token that we made
    :param limits: of the document in force
    :ivar proofs: those of possession that were used, here or at the token endpoint; outlives reloads
    """

    def __init__(
        self,
        services: Services,
        runtime: Callable[[], Runtime],
        tokens: AirflowTokens,
        admission: Admission,
        freshness: Freshness,
        vouches: Callable[[Session], bool],
        limits: Callable[[], RateLimits],
    ) -> None:
        self._clock = services.clock
        self._live = services.live
        self._runtime = runtime
        self._tokens = tokens
        self._admission = admission
        self._freshness = freshness
        self._vouches = vouches
        self.proofs = ProofMemory()
        self._possession = Possession(self.proofs)
        self.bearer = BearerDoor(services, runtime, admission, self._possession, limits)

    async def user_of(self, token: str) -> SessionUser:
        """Return the user of a token that is accepted now.

        :raises InvalidTokenError: as :meth:`authenticate`, or its principal is not admitted any more
        :raises SessionError: the session or the principal cannot be read
        :raises TokenRefused: a program's token is not accepted
        :raises LoginRefused: nor is its owner
        :raises ProviderError: its identity provider cannot be asked
        :raises RateLimited: or was asked too often for this caller
        """
        call = CALL.get()
        if call is None or call.token != token:
            return await self.user_of_cookie(token)
        self._freshness.check()
        bearer = self.bearer
        digest = token_digest(token)
        known = bearer.recall(digest)
        if known is not None:
            return await bearer.admit(call, known)
        # One of ours that was verified before need not be parsed to see whose it is.
        issuer = None if self._tokens.recall(token) else bearer.issuer_of(token)
        return await self._admit_call(call) if issuer is None else await bearer.enter(call, issuer, digest)

    async def authenticate(self, token: str) -> Session:
        """Return the live session of a token that we signed: remembered signature, revocation and session, from memory.

        :raises InvalidTokenError: not ours, expired, revoked, or its session has ended
        :raises SessionError: the session cannot be read, or nobody knows which sessions have ended
        """
        verified = self._tokens.recall(token) or await self._tokens.verify(token)
        self._freshness.check()
        live = self._live
        if self.has_left(verified):
            note_left()
            raise InvalidTokenError("Token has been revoked, or its session has ended")
        session = live.peek(verified.session_id) or await live.load(verified.session_id)
        if session is None or session.principal_id != verified.principal_id:
            raise InvalidTokenError("Session has ended")
        until = session.grant.until
        if until is not None and until <= (now := self._clock()) and (session := as_of(session, now)) is None:
            raise InvalidTokenError("Session needs a newer authentication")
        # Of any kind: with a token of its own a client may have made a personal one.
        if session.is_token and not self._vouches(session):
            raise InvalidTokenError("The configuration does not know its client any more")
        return session

    def has_left(self, verified: VerifiedToken) -> bool:
        """Tell whether a token was revoked, or its session ended, as far as this server has heard. Memory only."""
        return self._live.is_token_revoked(verified.jti) or self._live.is_session_revoked(verified.session_id)

    async def user_of_cookie(self, token: str) -> SessionUser:
        """Return the user of a browser's cookie, whatever the headers beside it say.

        :raises InvalidTokenError: as :meth:`authenticate`, or it is a program's
        :raises SessionError: likewise
        """
        session = await self.authenticate(token)
        if session.is_token:
            # It would shed what it carries: its key, and the actors and the client that each audit row shall tell.
            raise InvalidTokenError("a program's token is no cookie")
        note_session(session.id, session.principal_id)
        call = CALL.get()
        if call is not None and not call.kind:  # a cookie beside a header that is no token's: its rows name it, too
            call.note(session)
        return await self._admit(session)

    async def _admit_call(self, call: ApiCall) -> SessionUser:
        session = await self.authenticate(call.token)
        required = self._runtime().config.tokens.require_dpop
        self._possession.check(call, session.jkt, self._clock(), required=required)
        call.note(session)
        return await self._admit(session)

    async def _admit(self, session: Session) -> SessionUser:
        user = self._admission.peek(session)
        if user is None:
            user = await self._live.run(self._admission.load, session)
        if user is None:
            raise InvalidTokenError("The user is not admitted")
        return user
