"""The door for access tokens of identity providers.

    warm: digest → possession → revoked? → admitted?            from memory
    cold: issuer by the unverified ``iss`` → signature, claims → rules → session in memory → account → audit

A token opens nothing by being good: rules decide what its owner may do, exactly as they decide about a sign-in.
Refusals are raised as typed errors; what nobody can judge now is a :class:`ProviderError` (503), never a no.
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_oidc_auth.errors import LoginRefused, ProviderError, TokenRefused
from airflow_oidc_auth.frozen import constructor_of
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.managers.admission import Admission
from airflow_oidc_auth.managers.bearer_cache import BearerCache, Remembered, token_digest
from airflow_oidc_auth.managers.bearer_denials import BearerDenials
from airflow_oidc_auth.managers.bearer_record import BearerAudit
from airflow_oidc_auth.managers.bearer_session import build_session, judge
from airflow_oidc_auth.managers.possession import Possession
from airflow_oidc_auth.managers.runtime import Runtime
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.providers.bearer import BearerIssuer, BearerToken
from airflow_oidc_auth.sessions.granted import as_of
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.api_call import ApiCall

# A key that the identity provider withdrew counts no longer than this.
VERIFIED_FOR = 600
MANY_GROUPS = 200
LONG_TOKEN = 16_384
"""Characters; whoever has more, or more groups, has rules think for a while: thirty of them most of a second."""
_remembered = constructor_of(Remembered)


class BearerDoor:
    """Judge the tokens of identity providers; built once per process, follows the document.

    :param runtime: of the document in force
    :param limits: how often a caller may have an issuer asked in vain
    """

    def __init__(
        self,
        services: Services,
        runtime: Callable[[], Runtime],
        admission: Admission,
        possession: Possession,
        limits: Callable[[], RateLimits],
    ) -> None:
        self._services = services
        self._clock = services.clock
        self._live = services.live
        self._revoked_at = services.live.feed.principal_revoked_at
        self._runtime = runtime
        self._admission = admission
        self._possession = possession
        self._limits = limits
        self._audit = BearerAudit(services, lambda: runtime().audit)
        self._cache = BearerCache(services.clock)
        self._denials = BearerDenials(services.clock)

    def recall(self, digest: bytes) -> Remembered | None:
        """Return what was believed of the token of this digest a moment ago; memory only."""
        return self._cache.get(digest)

    def forget(self) -> None:
        """Verify every token anew: another document is in force."""
        self._cache.clear()
        self._denials.clear()

    def issuer_of(self, token: str) -> BearerIssuer | None:
        """Return the identity provider that a token claims to be of; None when it is none of ours.

        :raises TokenRefused: ``token_malformed``, ``token_too_large``
        """
        return self._runtime().issuers.of_token(token)

    async def admit(self, call: ApiCall, known: Remembered) -> SessionUser:
        """Return the user of a token that was believed.

        :raises TokenRefused: its owner's tokens were revoked, or the caller does not hold its key
        :raises LoginRefused: its owner is not admitted
        :raises SessionError: the owner's account cannot be read
        """
        now = self._clock()
        self._possession.check(call, known.session.jkt, now, required=self._runtime().config.tokens.require_dpop)
        session = self._stand(call, known, now)
        user = self._admission.peek(session)
        return user if user is not None else await self._live.run(self._admission.enroll, session)

    async def enter(self, call: ApiCall, issuer: BearerIssuer, digest: bytes) -> SessionUser:
        """Let the owner of a token in that is not remembered.

        :param digest: of the token
        :raises TokenRefused: it is not to be believed, or the caller does not hold its key
        :raises LoginRefused: the rules give its owner nothing, or the account is not admitted
        :raises ProviderError: nobody can say now
        :raises RateLimited: too many that were not good came from this address
        :raises SessionError: the account cannot be read, or no audit row written
        """
        runtime = self._runtime()
        call.provider = issuer.provider
        self._denials.check(digest)
        token = issuer.verify_known(call.token) or await self._ask(runtime, call, issuer, digest)
        call.identity = token.identity
        now = self._clock()
        # Before the rules speak: a thief without the key learns nothing of its owner.
        self._possession.check(call, token.jkt, now, required=runtime.config.tokens.require_dpop)
        try:
            grant = await _judge(runtime, call, token, now)
            session = build_session(token, grant, digest, int(now))
            known = _remembered(session, token.issued_at, min(token.expires_at, now + VERIFIED_FOR))
            session = self._stand(call, known, now)
            user = self._admission.peek(session)
            if user is None:
                user = await self._live.run(self._admission.enroll, session)
        except LoginRefused as error:
            self._denials.add(digest, error)
            raise
        if not self._audit.is_told(user):
            await self._audit.accepted(user, call)
        # The document may have been replaced meanwhile: what its rules gave is not kept.
        if runtime is self._runtime():
            self._cache.put(digest, known)
        return user

    def _stand(self, call: ApiCall, known: Remembered, now: float) -> Session:
        """Return what is left now of a token that was believed, and whose caller may bring it."""
        session = known.session
        revoked_at = self._revoked_at(session.principal_id)
        if revoked_at is not None and known.issued_at <= revoked_at:
            self._cache.drop(token_digest(call.token))
            raise TokenRefused("token_revoked", f"issued at {known.issued_at}, revoked until {revoked_at}")
        until = session.grant.until
        if until is not None and until <= now:
            session = _still_granted(session, now)
        call.note(session)
        return session

    async def _ask(self, runtime: Runtime, call: ApiCall, issuer: BearerIssuer, digest: bytes) -> BearerToken:
        """Have the issuer judge a token: few can be at a time, and a stranger's shall not be all of them."""
        take_back = self._limits().begin("bearer", call.client_address)
        try:
            token = await runtime.lanes.verify(issuer, call.token, digest)
        except ProviderError:  # that nobody can say is not the caller's fault
            take_back()
            raise
        take_back()
        return token


async def _judge(runtime: Runtime, call: ApiCall, token: BearerToken, now: float) -> Grant:
    if len(call.token) <= LONG_TOKEN and len(token.identity.groups) <= MANY_GROUPS:
        return judge(runtime.judgements, token, now)
    try:
        # The event loop would serve nobody else meanwhile.
        return await runtime.lanes.run(token.provider, judge, runtime.judgements, token, now)
    except ProviderError as error:
        code = "token_check_busy" if error.code == "provider_busy" else "token_issuer_unavailable"
        raise ProviderError(code, f"{token.provider}: {error.code}: {error.detail}") from error


def _still_granted(session: Session, now: float) -> Session:
    held = as_of(session, now)
    if held is None:
        raise LoginRefused("token_step_up", "every role was given for an authentication that is too old by now")
    return held
