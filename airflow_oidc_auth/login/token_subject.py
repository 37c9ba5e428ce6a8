"""Verify the tokens that a request brings: of an IdP (signed, or asked for), or our own.

An IdP's token is judged by the rules here and now; one of our own by the session that it names. What is bound to a key
is believed only together with a proof of that key, which the caller checks: see :attr:`Verified.jkt`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from airflow_oidc_auth.errors import OidcAuthError, TokenRefused
from airflow_oidc_auth.grants.grant import Refusal
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.ports import (
    BearerIssuer,
    BearerIssuers,
    BearerLanes,
    BearerToken,
    Rules,
    SignedCaller,
    SignedTokens,
)
from airflow_oidc_auth.login.token_errors import INVALID_REQUEST, TokenDenied
from airflow_oidc_auth.login.token_owner import TokenOwner, owner_of_caller, owner_of_identity
from airflow_oidc_auth.messages.machines import told_to_program
from airflow_oidc_auth.sessions.principal import principal_id

MAX_TOKEN = 16 * 1024
MAX_ACTORS = 8
JWT_DOTS = 2
PROVIDER = "provider"
"""In the evidence of a refusal: whose token it claims to be."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that is to be believed: one of both is there.

    :param text: the token itself
    """

    text: str = field(repr=False)
    bearer: BearerToken | None = None
    caller: SignedCaller | None = None

    @property
    def jkt(self) -> str | None:
        """The key whose possession must be proved (RFC 9449 §6)."""
        if self.bearer is not None:
            return self.bearer.jkt
        return self.caller.session.jkt if self.caller else None

    @property
    def subject(self) -> str:
        """``sub``, as an actor is named."""
        if self.bearer is not None:
            return self.bearer.identity.subject
        return self.caller.session.subject if self.caller else ""

    @property
    def issuer(self) -> str:
        """``iss`` of the identity."""
        if self.bearer is not None:
            return self.bearer.identity.issuer
        return self.caller.session.issuer if self.caller else ""


class SubjectTokens:
    """Verify and judge, for one configuration.

    :param lanes: where tokens are verified that cannot be judged at once
    :param clock: epoch seconds
    """

    def __init__(
        self,
        issuers: BearerIssuers,
        lanes: BearerLanes,
        rules: Rules,
        signed: SignedTokens,
        clock: Callable[[], float],
    ) -> None:
        self._issuers = issuers
        self._lanes = lanes
        self._rules = rules
        self._signed = signed
        self._clock = clock

    async def verify(self, token: str, *, jwt_only: bool = False, own: bool = True) -> Verified:
        """Verify a token, whoever issued it.

        :param jwt_only: a token that only introspection can judge is refused
        :param own: our own tokens count, too
        :raises TokenRefused: whatever makes it not good, and ``token_not_exchangeable`` for what nobody here issued
        :raises ProviderError: the IdP cannot be asked
        :raises SessionError: the session cannot be read
        """
        if len(token) > MAX_TOKEN:
            raise TokenRefused("token_too_large", f"{len(token)} characters")
        if jwt_only and token.count(".") != JWT_DOTS:
            raise TokenRefused("token_malformed", "not a JWT")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise TokenRefused("token_malformed", "not one word of ASCII")
        issuer = self._issuers.of_token(token)
        if issuer is not None:
            return Verified(token, await self._believe(issuer, token))
        caller = await self._signed.caller_of(token) if own else None
        if caller is None:
            raise TokenRefused("token_not_exchangeable", "neither ours nor of an issuer whose tokens are taken")
        return Verified(token, None, caller)

    async def _believe(self, issuer: BearerIssuer, token: str) -> BearerToken:
        try:
            bearer = issuer.verify_known(token)
            if bearer is None:
                bearer = await self._lanes.verify(issuer, token, hashlib.sha256(token.encode()).digest())
            self.check_not_revoked(bearer)
        except OidcAuthError as error:
            error.evidence = {**error.evidence, PROVIDER: issuer.provider}
            raise
        return bearer

    def check_not_revoked(self, bearer: BearerToken) -> None:
        """Refuse what was issued before its owner's tokens were all revoked.

        :raises TokenRefused: ``token_revoked``
        :raises SessionError: ``revocations_stale``
        """
        self._signed.check_fresh()
        identity = bearer.identity
        revoked_at = self._signed.revoked_at(principal_id(identity.issuer, identity.subject))
        if revoked_at is not None and bearer.issued_at <= revoked_at:
            raise TokenRefused("token_revoked", "all tokens of its owner were revoked after it was issued")

    def owner(self, verified: Verified, actor: Verified | None = None) -> TokenOwner:
        """Return whom a token may be made for.

        :param actor: who acts for the subject from now on (RFC 8693 §2.1)
        :raises TokenDenied: the rules give nothing, or this actor may not act for this subject
        """
        if verified.bearer is None:
            if verified.caller is None:
                raise TokenRefused("token_not_exchangeable", "nothing was verified")
            # The rules must judge delegated access, and can only where the IdP's own words are at hand.
            if actor is not None:
                raise TokenDenied(INVALID_REQUEST, "actor_token_refused", "actor_token with a token of our own")
            return owner_of_caller(verified.caller)
        return self.judge(verified.bearer, verified.text, actor)

    def judge(self, bearer: BearerToken, text: str, actor: Verified | None = None) -> TokenOwner:
        """Return the owner that the rules make of an IdP's token; see :meth:`owner`."""
        identity = bearer.identity if actor is None else act_for(bearer.identity, actor)
        now = self._clock()
        decision = self._rules.evaluate(identity, now).decision
        if isinstance(decision, Refusal):
            code = told_to_program(decision.code)
            raise TokenDenied(None, code, decision.path, text=decision.text, identity=identity)
        return owner_of_identity(identity, decision, bearer, text, int(now))


def act_for(identity: Identity, actor: Verified) -> Identity:
    """Return the subject with its new actor as the outermost one.

    :raises TokenDenied: ``actor_token_refused``: ``may_act`` (RFC 8693 §4.4) names somebody else
    """
    may_act = identity.claims.get("may_act")
    if may_act is not None and not _may(may_act, identity, actor):
        raise TokenDenied(INVALID_REQUEST, "actor_token_refused", "may_act names another actor")
    actors = (*_names(actor, identity.issuer), *identity.actors)
    if len(actors) > MAX_ACTORS:
        raise TokenDenied(INVALID_REQUEST, "actor_token_refused", f"more than {MAX_ACTORS} actors")
    return replace(identity, actors=actors)


def _may(may_act: object, identity: Identity, actor: Verified) -> bool:
    if not isinstance(may_act, dict) or may_act.get("sub") != actor.subject:
        return False
    issuer = may_act.get("iss", identity.issuer)
    return isinstance(issuer, str) and issuer == actor.issuer


def _names(actor: Verified, issuer: str) -> tuple[str, ...]:
    """Name an actor and whoever acts for it.

    One of another issuer is named with it: there somebody else may bear the name of an actor that a rule trusts.
    """
    names = (actor.subject, *_actors_of(actor))
    return names if actor.issuer == issuer else tuple(f"{name} ({actor.issuer})" for name in names)


def _actors_of(actor: Verified) -> tuple[str, ...]:
    if actor.bearer is not None:
        return actor.bearer.identity.actors
    return actor.caller.session.actors if actor.caller else ()
