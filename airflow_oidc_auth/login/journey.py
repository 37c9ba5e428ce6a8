"""Begin and complete a sign-in; sign-outs are beside it.

Every expected failure becomes a :class:`Refused` here, is audited here and logged here, once; only a programming
error leaves as an exception.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, SessionError
from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.login import records
from airflow_oidc_auth.login.attempts import AttemptCookies, attempt_cookie_name
from airflow_oidc_auth.login.departures import (
    build_departure,
    complete_sign_in,
    end_of_session,
    facts_of,
    form_fields,
    recheck_of,
)
from airflow_oidc_auth.login.logouts import IdpLogouts
from airflow_oidc_auth.login.outcome import Begun, Refused, RequestContext, SignedIn
from airflow_oidc_auth.login.ports import Audit, Pool, Rules, Sessions
from airflow_oidc_auth.login.refusals import Refusals
from airflow_oidc_auth.login.saml_journey import SamlExchange, is_own_state
from airflow_oidc_auth.login.sign_outs import SignOuts
from airflow_oidc_auth.login.step_up import StepUpWish, ask_for, is_somebody_else
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.provider import Provider, SignIn
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.session import Opened, Session

log = logging.getLogger(__name__)

STATE_BYTES = 16
NONCE_BYTES = 16
VERIFIER_BYTES = 32
TABS_TOGETHER = 60


@dataclass(frozen=True, slots=True)
class RunningProvider:
    """A provider and the threads that its calls run on."""

    provider: Provider
    pool: Pool


class Journey:
    """The sign-in journey of one configuration; a hot reload builds another.

    :param providers: by id, in the order of the document
    :param sessions: audit rows are written on its threads
    :param base_url: absolute, without trailing slash; the only source of redirect URIs
    :param settings: what the document says of sessions
    :param clock: epoch seconds
    :param token_urlsafe: like :func:`secrets.token_urlsafe`
    """

    def __init__(  # noqa: PLR0913  # everything the journey touches is handed in
        self,
        *,
        providers: Mapping[str, RunningProvider],
        rules: Rules,
        sessions: Sessions,
        audit: Audit,
        attempts: AttemptCookies,
        base_url: str,
        settings: SessionSettings,
        clock: Callable[[], float],
        token_urlsafe: Callable[[int], str],
    ) -> None:
        self._providers = providers
        self._rules = rules
        self._sessions = sessions
        self._audit = audit
        self._attempts = attempts
        self._base_url = base_url.rstrip("/")
        self._settings = settings
        self._clock = clock
        self._token_urlsafe = token_urlsafe
        self._refusals = Refusals(sessions, audit, clock)
        self.saml = SamlExchange(providers, sessions, audit)
        self.idp_logouts = IdpLogouts(providers, sessions, audit, clock)
        self.sign_outs = SignOuts(providers, sessions, audit, clock, build_signed_out_uri(base_url))

    async def begin(
        self,
        provider_id: str,
        next_url: str,
        context: RequestContext,
        *,
        other_account: bool = False,
        reauthenticate: bool = False,
        step_up: StepUpWish | None = None,
    ) -> Begun | Refused:
        """Start a sign-in.

        :param next_url: absolute and judged safe by the caller
        :param other_account: the person asked to be asked who they are, whatever session the IdP has
        :param reauthenticate: the person is to authenticate anew, whatever session the IdP has
        :param step_up: the sign-in is to be good enough for the roles of a rule
        """
        running = self._providers.get(provider_id)
        if running is None:
            return Refused("provider_unknown", context.correlation_id)
        attempt = self._new_attempt(
            provider_id, next_url, context, other_account=other_account, reauthenticate=reauthenticate
        )
        if step_up is not None:
            attempt = ask_for(attempt, self._rules.needs_of(step_up.rule), step_up.principal_id)
        try:
            departure = await running.pool.run(build_departure, running.provider, attempt)
        except OidcAuthError as error:
            return await self._refusals.failed(error, attempt, context, spent=None)
        cookie = self._attempts.seal(attempt)
        dropped = self._attempts.prune(context.cookies, cookie)
        return Begun(departure.url, cookie, dropped, form_fields(departure))

    async def complete(
        self,
        provider_id: str,
        response: Mapping[str, str],
        context: RequestContext,
        *,
        previous: Session | None = None,
    ) -> SignedIn | Refused:
        """Finish a sign-in with the authorization response.

        :param provider_id: from the callback's path; must be the attempt's own (mix-up, RFC 9700 §4.4)
        :param response: query parameters, each given exactly once
        :param previous: the live session of this browser, which the new one replaces
        """
        if self.saml.find(provider_id) is not None:
            return Refused("provider_unknown", context.correlation_id)
        try:
            attempt = self._attempts.open(response.get("state", ""), context.cookies)
        except ProtocolViolation as error:
            return await self._refusals.lost(error, self._known(provider_id), context)
        return await self._finish(provider_id, attempt, response, context, previous)

    async def complete_saml(
        self,
        provider_id: str,
        response: Mapping[str, str],
        context: RequestContext,
        *,
        unsolicited_next: str,
        previous: Session | None = None,
    ) -> SignedIn | Refused:
        """Finish a sign-in with a SAML response.

        :param response: form fields, each given exactly once
        :param unsolicited_next: where to go when the IdP began the sign-in; judged safe by the caller
        :param previous: as for :meth:`complete`
        """
        if self.saml.find(provider_id) is None:
            return Refused("provider_unknown", context.correlation_id)
        relay_state = response.get("RelayState", "")
        try:
            attempt = self._attempts.open(relay_state, context.cookies)
        except ProtocolViolation as error:
            # RelayState of an IdP that begins is what its administrator wrote; ours is a state.
            if error.code != "attempt_unknown" or is_own_state(relay_state):
                return await self._refusals.lost(error, self._known(provider_id), context)
            unsolicited = self._new_attempt(provider_id, unsolicited_next, context)
            return await self._finish(provider_id, unsolicited, response, context, previous, solicited=False)
        return await self._finish(provider_id, attempt, response, context, previous)

    async def _finish(
        self,
        provider_id: str,
        attempt: LoginAttempt,
        response: Mapping[str, str],
        context: RequestContext,
        previous: Session | None,
        *,
        solicited: bool = True,
    ) -> SignedIn | Refused:
        spent = attempt_cookie_name(attempt.state) if solicited else None
        try:
            outcome = await self._sign_in(provider_id, attempt, response, context, spent)
        except OidcAuthError as error:
            return await self._refusals.failed(error, attempt, context, spent=spent)
        if previous is not None and isinstance(outcome, SignedIn):
            await self._replace(previous, outcome, context)
        return outcome

    def _known(self, provider_id: str) -> str | None:
        """Return the provider's id, None for what somebody made up."""
        return provider_id if provider_id in self._providers else None

    def _new_attempt(
        self,
        provider_id: str,
        next_url: str,
        context: RequestContext,
        *,
        other_account: bool = False,
        reauthenticate: bool = False,
    ) -> LoginAttempt:
        return LoginAttempt(
            provider=provider_id,
            state=self._token_urlsafe(STATE_BYTES),
            nonce=self._token_urlsafe(NONCE_BYTES),
            code_verifier=Secret(self._token_urlsafe(VERIFIER_BYTES)),
            redirect_uri=build_redirect_uri(self._base_url, provider_id),
            next_url=next_url,
            started_at=int(self._clock()),
            correlation_id=context.correlation_id,
            other_account=other_account,
            max_age=self._settings.reauthenticate_after,
            reauthenticate=reauthenticate,
        )

    async def _sign_in(
        self,
        provider_id: str,
        attempt: LoginAttempt,
        response: Mapping[str, str],
        context: RequestContext,
        spent: str | None,
    ) -> SignedIn | Refused:
        if attempt.provider != provider_id:
            detail = f"begun with {attempt.provider!r}, answered for {provider_id!r}"
            raise ProtocolViolation("attempt_mixed_up", detail)
        running = self._providers.get(provider_id)
        if running is None:
            raise ProtocolViolation("provider_unknown", "removed from the configuration meanwhile")
        begun_here = attempt if spent else None
        sign_in, decision, recheck = await running.pool.run(self._decide, running.provider, begun_here, response)
        if is_somebody_else(attempt, sign_in.identity):
            decision = Refusal("step_up_other_person")
        if isinstance(decision, Refusal):
            return replace(await self._refusals.by_rules(decision, sign_in, attempt, context), spent=spent)
        try:
            opened = await self._open(sign_in, decision, attempt, context, recheck)
        except LoginRefused as error:
            return replace(await self._refusals.by_account(error, sign_in, attempt, context), spent=spent)
        return SignedIn(opened.session, attempt.next_url, spent, attempt.correlation_id)

    def _decide(
        self, provider: Provider, attempt: LoginAttempt | None, response: Mapping[str, str]
    ) -> tuple[SignIn, Grant | Refusal, int | None]:
        """Verify and decide, on the provider's threads: many rules over many groups would hold up the event loop."""
        sign_in = complete_sign_in(provider, attempt, response)
        decision = self._rules.evaluate(sign_in.identity, self._clock()).decision
        return sign_in, decision, recheck_of(provider, sign_in, self._settings)

    async def _open(
        self, sign_in: SignIn, grant: Grant, attempt: LoginAttempt, context: RequestContext, recheck: int | None
    ) -> Opened:
        """Open the session and audit it; a sign-in that cannot be audited leaves no session behind."""
        opened = await self._sessions.open(
            sign_in,
            grant,
            expires_at=end_of_session(sign_in, int(self._clock()), self._settings),
            client_address=context.client_address,
            recheck=recheck,
            regrade_at=grant.until,
            max_sessions=self._settings.max_per_user,
        )
        try:
            facts = facts_of(sign_in)
            await self._sessions.run(self._audit_opened, opened, attempt.correlation_id, context, facts)
        except SessionError as error:
            await self._sessions.end(opened.session.id, reason=error.code)
            raise
        return opened

    async def _replace(self, previous: Session, signed_in: SignedIn, context: RequestContext) -> None:
        """End the session that this browser had: its cookie is gone, so nobody but a thief could use it."""
        if _is_another_tab(previous, signed_in.session):
            return
        try:
            if ended := await self._sessions.end(previous.id, reason=records.REPLACED):
                record = records.build_replaced(ended.session, signed_in.correlation_id, context)
                await self._sessions.run(self._audit.record, record)
        except SessionError as error:
            log.error(  # noqa: TRY400  # the sign-in itself is good
                "replaced session lives on: code=%s correlation_id=%s", error.code, signed_in.correlation_id
            )

    def _audit_opened(
        self, opened: Opened, correlation_id: str, context: RequestContext, facts: Mapping[str, str]
    ) -> None:
        self._audit.record(records.build_login(opened, correlation_id, context, facts))
        if changed := records.build_roles_changed(opened, correlation_id, context):
            self._audit.record(changed)
        for surplus in opened.ended:
            self._audit.record(records.build_surplus(surplus.session, correlation_id, context))


def build_redirect_uri(base_url: str, provider_id: str) -> str:
    """Return the redirect URI to register at the IdP; never from a request's Host header."""
    return f"{base_url.rstrip('/')}/auth/callback/{provider_id}"


def build_signed_out_uri(base_url: str) -> str:
    """Return the post-logout redirect URI to register at the IdP: one fixed address without a query."""
    return f"{base_url.rstrip('/')}/auth/signed-out"


def _is_another_tab(previous: Session, session: Session) -> bool:
    """Return whether the two belong to tabs that were opened together, as browsers restore them.

    Each would end the session that the other has just begun to use, and both would begin again.
    """
    together = session.created_at - previous.created_at < TABS_TOGETHER
    return together and previous.principal_id == session.principal_id
