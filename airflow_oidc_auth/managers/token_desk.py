"""Make, list and revoke tokens for programs: one policy, whoever asks for one and wherever.

A token is signed by Airflow and names its own session (:mod:`airflow_oidc_auth.sessions.session`), so that ending the
row ends the token on every server. Nothing of the identity provider is in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from jwt import InvalidTokenError

from airflow_oidc_auth.config.compiled import TokenSettings
from airflow_oidc_auth.errors import LoginRefused, SessionError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.ports import Audit
from airflow_oidc_auth.login.records import build_ended, build_issued
from airflow_oidc_auth.login.session_office import Order
from airflow_oidc_auth.login.session_office import build_ended as build_ended_by_order
from airflow_oidc_auth.managers.tokens import AirflowTokens
from airflow_oidc_auth.sessions.administration import is_reference
from airflow_oidc_auth.sessions.break_glass import PROVIDER as BREAK_GLASS
from airflow_oidc_auth.sessions.limits import MAX_TOKENS
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.session import PERSONAL, Session, TokenRequest

log = logging.getLogger(__name__)

REVOKED = "token_revoked"
# Between choosing a lifetime and storing it a second may pass; the end itself is kept exactly.
CLOCK_TICK = 5


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was made.

    :param expires_in: seconds
    :param session: the row behind it
    """

    token: str = field(repr=False)
    expires_in: int
    session: Session


class TokenDesk:
    """Built once per process.

    :param settings: of the document in force; asked anew for each token
    :param audit: asked each time, because a reload brings another
    :param clock: epoch seconds
    :param is_for_people: tells of a provider's id whether people sign in there; a job's issuer confirms nobody
    """

    def __init__(
        self,
        live: LiveSessions,
        tokens: AirflowTokens,
        settings: Callable[[], TokenSettings],
        audit: Callable[[], Audit],
        clock: Callable[[], float],
        is_for_people: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._live = live
        self._tokens = tokens
        self._settings = settings
        self._audit = audit
        self._clock = clock
        self._is_for_people = is_for_people

    async def issue(
        self, owner: Session, request: TokenRequest, context: RequestContext, *, identity: Identity | None = None
    ) -> Issued:
        """Do what :meth:`issue_now` does, on the store's threads."""
        return await self._live.run(self.issue_now, owner, request, context, identity=identity)

    def issue_now(
        self, owner: Session, request: TokenRequest, context: RequestContext, *, identity: Identity | None = None
    ) -> Issued:
        """Make a token of exactly the lifetime that was asked for, and audit it; blocks.

        :param owner: whose roles it gets: a live session, or one of kind ``bearer``
        :param identity: what the IdP said of the owner, where the owner has no row
        :raises LoginRefused: policy: ``personal_tokens_disabled``, ``token_binding_needed``,
            ``token_owner_break_glass``, ``token_lifetime_malformed``, ``token_lifetime_too_long``,
            ``token_scope_not_held``, ``token_too_many``
        :raises SessionError: ``token_owner_gone``, ``token_owner_unverified``, or the store or the audit fails
        """
        settings = self._settings()
        asked = self._check_policy(owner, _inherit(owner, request), settings)
        self._check_number(owner)
        session = self._live.open_token_now(
            owner,
            asked,
            identity=identity,
            client_address=context.client_address,
            unverified_lifetime=settings.unverified_lifetime,
        )
        try:
            token, expires_in = self._tokens.issue_exactly(session)
            self._audit().record(build_issued(session, context, expires_in))
        except BaseException:
            # Nobody has it yet; a token that cannot be audited shall not be.
            self._live.end_now(session.id, reason="audit_unavailable")
            raise
        return Issued(token, expires_in, session)

    async def list_tokens(self, principal_id: str | None = None) -> Sequence[Session]:
        """Return the live tokens of a principal, or of everybody, newest first.

        :raises SessionError: the store cannot be read
        """
        return await self._live.run(self._live.store.list_tokens, now=self._now(), principal_id=principal_id)

    async def revoke(self, reference: str, order: Order, context: RequestContext, *, owner: str | None) -> int:
        """End the tokens whose id begins so; return how many have ended.

        :param reference: at least eight characters of the id
        :param owner: principal id of whoever may end tokens of their own only; None for somebody who may end any
        :raises SessionError: the store cannot be reached
        """
        return await self._live.run(self._revoke_now, reference, order, context, owner)

    async def revoke_by_token(self, token: str, context: RequestContext) -> bool:
        """End what a token of ours names (RFC 7009 §2.1), a browser's session, too; False for any other token.

        :raises SessionError: it may live on
        """
        try:
            verified = await self._tokens.verify(token)
        except InvalidTokenError:
            return False
        session = self._live.peek(verified.session_id) or await self._live.load(verified.session_id)
        if session is None or session.principal_id != verified.principal_id:
            return False
        return bool(await self._live.run(self._end, [session.id], REVOKED, context))

    def end_token_now(self, session_id: str, context: RequestContext) -> bool:
        """End the row behind a token that was revoked otherwise (core's logout), and audit it; blocks.

        False for a browser's session, which goes on.
        """
        session = self._live.peek(session_id) or self._live.store.load(session_id, now=self._now())
        return session is not None and session.is_token and bool(self._end([session.id], REVOKED, context))

    def _revoke_now(self, reference: str, order: Order, context: RequestContext, owner: str | None) -> int:
        if not is_reference(reference):
            return 0
        meant = self._live.store.list_tokens(now=self._now(), principal_id=owner, reference=reference)
        ended = self._live.end_many_now([each.id for each in meant], reason=order.reason)
        for each in ended:
            self._audit().record(build_ended_by_order(each.session, order, context))
        return len(ended)

    def _end(self, session_ids: Sequence[str], reason: str, context: RequestContext) -> int:
        ended = self._live.end_many_now(session_ids, reason=reason)
        for each in ended:
            self._audit().record(build_ended(each.session, reason, context))
        return len(ended)

    def _check_policy(self, owner: Session, request: TokenRequest, settings: TokenSettings) -> TokenRequest:
        if owner.provider == BREAK_GLASS:
            raise LoginRefused("token_owner_break_glass", "tokens would outlive the emergency")
        if request.kind == PERSONAL and not settings.personal:
            raise LoginRefused("personal_tokens_disabled", "tokens.personal is false")
        if settings.require_dpop and request.jkt is None:
            raise LoginRefused("token_binding_needed", "tokens.require_dpop is set")
        _check_scope(owner, request)
        return replace(request, lifetime=self._lifetime(request, settings))

    def _check_number(self, owner: Session) -> None:
        """Refuse one token too many; of two that are made at the same moment both may be the last."""
        if not self._is_for_people(owner.provider):
            return
        number = self._live.store.count_tokens(owner.principal_id, now=self._now())
        if number >= MAX_TOKENS:
            raise LoginRefused("token_too_many", f"principal {owner.principal_id} has {number} tokens")

    def _lifetime(self, request: TokenRequest, settings: TokenSettings) -> int:
        """Return seconds: what was asked for, never less; the default for whoever asked for nothing."""
        client = next((each for each in settings.clients if each.id == request.client_id), None)
        limits = [("tokens.max_lifetime", settings.max_lifetime)]
        if client is not None and client.max_lifetime is not None:
            limits.append((f"tokens.clients.{client.id}.max_lifetime", client.max_lifetime))
        if request.not_after is not None:
            limits.append(("the end of the token that it is made from", request.not_after + CLOCK_TICK - self._now()))
        what, most = min(limits, key=lambda limit: limit[1])
        if most <= CLOCK_TICK:
            raise SessionError("token_owner_gone", "the token that asked has ended")
        if request.lifetime is None:
            return min(settings.default_lifetime, most)
        if request.lifetime <= 0:
            raise LoginRefused("token_lifetime_malformed", "the lifetime is not above zero")
        if request.lifetime > most:
            evidence = {"asked": request.lifetime, "allowed": most, "limit": what}
            hint = f"Ask for at most {most} seconds. The limit is {what}."
            raise LoginRefused(
                "token_lifetime_too_long", f"{request.lifetime} s asked, {most} s allowed", hint=hint, evidence=evidence
            )
        return request.lifetime

    def _now(self) -> int:
        return int(self._clock())


def _inherit(owner: Session, request: TokenRequest) -> TokenRequest:
    """Bind a token that is made with a token as that one is bound, or one that was stolen would lose its chains."""
    if not owner.is_token:
        return request
    ends = owner.expires_at if request.not_after is None else min(owner.expires_at, request.not_after)
    return replace(
        request,
        scope=owner.scope if request.scope is None else request.scope,
        client_id=request.client_id or owner.client_id,
        actors=request.actors or owner.actors,
        jkt=request.jkt or owner.jkt,
        not_after=ends,
        parent=request.parent or owner.id,
    )


def _check_scope(owner: Session, request: TokenRequest) -> None:
    if request.scope is None:
        return
    held = set(owner.grant.roles) if owner.scope is None else set(owner.grant.roles) & set(owner.scope)
    missing = sorted(set(request.scope) - held)
    if missing or not request.scope:
        detail = f"not held: {missing!r}" if missing else "the scope is empty"
        raise LoginRefused("token_scope_not_held", detail, evidence={"missing": ", ".join(missing)})
