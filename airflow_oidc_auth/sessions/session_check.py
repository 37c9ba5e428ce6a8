"""Re-check one session: lease it, ask the IdP, let the rules judge, store what came of it.

The IdP may have used up the refresh token that we gave it, so that what it answered is the most precious thing here:
it is stored in the same moment as the judgement if all goes well, and by itself, again and again, if anything fails.
No transaction is open while the IdP is asked. A lease that ran out while we were stopped changes nothing any more.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation, ProviderError, SessionError
from airflow_oidc_auth.grants.grant import Refusal
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted, Confirms
from airflow_oidc_auth.providers.provider import Confirmation, HeldTokens
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck_report import RecheckReport, RecheckRules, Result
from airflow_oidc_auth.sessions.schedule import chance, next_check, next_retry
from airflow_oidc_auth.sessions.session import DueSession, Ended, Leased, Recheck, Regraded, Session
from airflow_oidc_auth.sessions.token_judgement import ROLES_LOST, judge_token, own_facts
from airflow_oidc_auth.sessions.token_session import with_timer

log = logging.getLogger(__name__)

# Longer than an IdP's slowest answers together; a server that died with it delays one re-check by so much.
LEASE = 300
KEEP_EVERY = 1.0
# Activity is written every half minute, and by clocks that differ.
ACTIVITY_LAG = 60
SOONEST_REGRADE = 30
# What one session meets of these, the others meet, too.
_OUTAGES = frozenset(
    {
        *("provider_unreachable", "provider_timeout", "provider_busy", "provider_failing"),
        *("provider_tls", "provider_proxy", "client_rejected"),
    }
)
CLAIMS_LOST = "claims_unreadable"
UNVERIFIED = "token_unverified"
# The rules, not the IdP, say that nothing is left: nothing may be left elsewhere.
_WITHDRAWN_FOR = frozenset({"no_matching_rule", "fab_role_missing", "step_up_needed"})


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known after asking, or without."""

    tokens: HeldTokens | None
    identity: Identity | None
    sid: str | None = None
    confirmed: bool = False


class SessionCheck:
    """Re-checks sessions one by one, on any number of threads.

    :param rules: of the document in force
    :param clock: epoch seconds
    :param jitter: between 0 and 1
    :param new_owner: names a lease; 32 ASCII characters, never the same twice
    :param stopping: set when the process ends
    """

    def __init__(
        self,
        live: LiveSessions,
        rules: Callable[[], RecheckRules],
        report: RecheckReport,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float] = chance,
        new_owner: Callable[[], str] = lambda: secrets.token_hex(16),
        stopping: threading.Event | None = None,
    ) -> None:
        self._live = live
        self._store = live.store
        self._rules = rules
        self._report = report
        self._clock = clock
        self._jitter = jitter
        self._new_owner = new_owner
        self.stopping = stopping or threading.Event()

    def run(self, due: DueSession) -> Result:
        """Re-check a session if nobody else does.

        :raises SessionError: the store could not give a lease
        """
        leased = self._store.take_lease(due, owner=self._new_owner(), now=self._now(), seconds=LEASE)
        if leased is None:
            return Result.SKIPPED
        result = self._check(leased)
        self._report.counted(due.provider, result)
        return result

    def _check(self, leased: Leased) -> Result:
        rules = self._rules()
        provider = self._whom_to_ask(leased, rules)
        if provider is None or leased.identity is None:
            return self._judge(leased, rules, _Answer(None, None))
        try:
            answer = provider.confirm(leased.tokens, leased.identity)
        except LoginRefused as error:
            return self._end(leased, error.code, error.detail, everything=True, revoke=True)
        except ProviderError as error:
            tokens = error.tokens if isinstance(error, ConfirmationInterrupted) else None
            log.info("session %s is not confirmed: %s", _shown(leased), error)
            result = Result.OUTAGE if error.code in _OUTAGES else Result.INVALID
            return self._postpone(leased, rules, tokens, result)
        except ProtocolViolation as error:
            log.error("session %s is not confirmed: %s", _shown(leased), error)  # noqa: TRY400  # no stack needed
            return self._postpone(leased, rules, None, Result.INVALID)
        except BaseException:
            self._postpone(leased, rules, None, Result.INVALID)
            raise
        return self._answered(leased, rules, answer)

    def _whom_to_ask(self, leased: Leased, rules: RecheckRules) -> Confirms | None:
        """Return the provider, None where it is not time, or there is nobody to ask or nothing to ask with."""
        session, now = leased.session, self._now()
        if rules.every is None or session.check_due_at is None or session.check_due_at > now:
            return None
        # Leased for its roles alone: nobody keeps the IdP's session alive for somebody who is away, unless for tokens.
        wanted = session.is_token or leased.watched
        if not wanted and (session.seen_at or 0) < active_since(now, rules.every):
            return None
        provider = rules.providers.get(session.provider)
        return provider if provider is not None and provider.can_confirm(leased.tokens) else None

    def _answered(self, leased: Leased, rules: RecheckRules, answer: Confirmation) -> Result:
        told = _Answer(answer.tokens, answer.identity, answer.sid, confirmed=True)
        try:
            return self._judge(leased, rules, told)
        except BaseException:
            self._postpone(leased, rules, answer.tokens, Result.INVALID)
            raise

    def _judge(self, leased: Leased, rules: RecheckRules, answer: _Answer) -> Result:
        """Work out the roles anew from what the IdP says, or said last; without that the last Grant stays."""
        now, identity = self._now(), answer.identity or leased.identity
        due_at = self._next_check(leased, rules, answer, now)
        if leased.session.is_token:
            return self._judge_token(leased, rules, answer, due_at, now)
        if identity is None:
            return self._judge_unknown(leased, rules, due_at, now)
        verdict = rules.judge(leased.session, identity, now)
        if isinstance(verdict.decision, Refusal):
            return self._end_ungranted(leased, verdict.decision, answer)
        recheck = Recheck(
            due_at,
            None if verdict.regrade_at is None else max(verdict.regrade_at, now + SOONEST_REGRADE),
            tokens=answer.tokens,
            identity=answer.identity,
            grant=verdict.decision,
            sid=answer.sid,
            failures=0 if answer.confirmed else leased.failures,
            confirmed=answer.confirmed,
        )
        return self._settle(leased, rules, recheck, now)

    def _judge_token(
        self, leased: Leased, rules: RecheckRules, answer: _Answer, due_at: int | None, now: int
    ) -> Result:
        """Work out what a token still gives, and by when its owner must be confirmed again."""
        known = leased.identity
        told = None if answer.identity is None or known is None else replace(answer.identity, **own_facts(known))
        judged = judge_token(rules, leased.session, told or known, now)
        if isinstance(judged, Refusal):
            return self._end_ungranted(leased, judged, answer)
        asked_at = now if answer.confirmed else leased.session.checked_at
        token = replace(
            leased.session, checked_at=asked_at, check_due_at=due_at, grant=judged.grant or leased.session.grant
        )
        until = self._askable_until(token, leased, rules, now)
        timed = with_timer(token, until, now=now, unverified_lifetime=rules.unverified_lifetime)
        if timed is None:
            return self._end(leased, UNVERIFIED, f"last confirmed at {token.checked_at}")
        recheck = Recheck(
            due_at,
            timed.regrade_at,
            tokens=answer.tokens,
            identity=told,
            grant=judged.grant,
            failures=0 if answer.confirmed else leased.failures,
            confirmed=answer.confirmed,
            whole=judged.whole,
            verify_by=timed.verify_by,
        )
        return self._settle(leased, rules, recheck, now)

    def _askable_until(self, token: Session, leased: Leased, rules: RecheckRules, now: int) -> int | None:
        """Return until when the IdP can be asked about a token's owner, None where it cannot or shall not be."""
        if rules.every is None or token.provider not in rules.providers:
            return None
        return token.expires_at if token.check_due_at is not None else self._store.find_keeper(leased, now=now)

    def _end_ungranted(self, leased: Leased, refusal: Refusal, answer: _Answer) -> Result:
        """End a session that the rules give nothing; what the IdP has just said goes for its person's tokens, too.

        A token that was made after a stronger authentication, or without an actor, may be given more than this one.
        """
        session = leased.session
        everything = answer.confirmed and refusal.code != "step_up_needed" and not session.actors
        return self._end(leased, refusal.code, refusal.path, everything=everything, held=answer.tokens)

    def _judge_unknown(self, leased: Leased, rules: RecheckRules, due_at: int | None, now: int) -> Result:
        """Without claims (their key was dropped) the last Grant stays, but for roles that were given for a time."""
        regrade_at = leased.session.regrade_at
        if regrade_at is not None and regrade_at <= now:
            return self._end(leased, CLAIMS_LOST, "its roles were given for a time, and its claims cannot be read")
        return self._settle(leased, rules, Recheck(due_at, regrade_at, failures=leased.failures, confirmed=False), now)

    def _settle(self, leased: Leased, rules: RecheckRules, recheck: Recheck, now: int) -> Result:
        try:
            regraded = self._store.settle_recheck(leased, recheck, now=now)
        except LoginRefused as error:
            everything = recheck.confirmed and error.code != ROLES_LOST
            return self._end(leased, error.code, error.detail, everything=everything, held=recheck.tokens)
        except SessionError as error:
            log.warning("re-check of session %s cannot be stored: %s", _shown(leased), error)
            return self._postpone(leased, rules, recheck.tokens, Result.INVALID)
        if regraded is None:
            return self._lost(leased, recheck.tokens)
        if regraded.changed:
            self._live.note_regraded(regraded, leased.owner)
            self._report.regraded(regraded)
        self._follow(regraded)
        if regraded.changed:
            return Result.REGRADED
        return Result.CONFIRMED if recheck.confirmed else Result.SKIPPED

    def _follow(self, regraded: Regraded) -> None:
        """Work out anew what the principal's tokens give. They are marked: what fails is found by the next look."""
        for each in regraded.told:
            try:
                self.run(each)
                # The end of one may have marked the others once more.
                now, left = self._now(), self._store.load(each.id, now=self._now())
                if left is not None and left.regrade_at is not None and left.regrade_at <= now:
                    self.run(DueSession(left.id, left.provider, left.check_due_at, left.regrade_at))
            except SessionError as error:
                log.info("token %s is not looked at now: %s", each.id[:8], error)

    def _next_check(self, leased: Leased, rules: RecheckRules, answer: _Answer, now: int) -> int | None:
        due_at = leased.session.check_due_at
        if rules.every is None or due_at is None:
            return due_at
        if answer.confirmed:
            return next_check(now, rules.every, self._jitter())
        provider = rules.providers.get(leased.session.provider)
        if provider is not None and not (leased.identity and provider.can_confirm(leased.tokens)):
            return None
        # Not active now, or its provider is not in this server's document (yet, or any more).
        return due_at if provider is not None or due_at > now else next_check(now, rules.every, self._jitter())

    def _postpone(self, leased: Leased, rules: RecheckRules, tokens: HeldTokens | None, result: Result) -> Result:
        """Give the lease back for a later attempt, and keep new tokens whatever it takes."""
        failures = leased.failures + 1
        due_at = next_retry(self._now(), rules.every or LEASE, failures, self._jitter())
        later = Recheck(due_at, leased.session.regrade_at, tokens=tokens, failures=failures, confirmed=False)
        while True:
            try:
                kept = self._store.settle_recheck(leased, later, now=self._now())
            except SessionError as error:
                if tokens is None:
                    # The lease runs out by itself.
                    return result
                if self.stopping.wait(KEEP_EVERY) or leased.session.expires_at <= self._clock():
                    log.error("new tokens of session %s are lost: %s", _shown(leased), error)  # noqa: TRY400
                    return Result.LOST
            else:
                return result if kept is not None else self._lost(leased, tokens)

    def _end(
        self,
        leased: Leased,
        reason: str,
        detail: str,
        *,
        everything: bool = False,
        revoke: bool = False,
        held: HeldTokens | None = None,
    ) -> Result:
        """End a session.

        :param everything: and all tokens of its principal
        :param revoke: and let nothing count that the IdP issued to the principal until now
        :param held: new tokens of the IdP, which another token session may need
        """
        try:
            ended = self._end_now(leased, reason, everything=everything)
            if not ended:
                return self._lost(leased, held)
        except SessionError as error:
            # It is asked about again when the lease has run out, and refused again.
            log.warning("session %s is refused (%s) and may not have ended yet: %s", _shown(leased), reason, error)
            return Result.LOST
        log.info("session %s has ended: %s: %s", _shown(leased), reason, detail)
        first, *tokens = ended
        self._report.ended(first, reason, self._withdraw(leased, reason))
        for token in tokens:
            self._report.ended(token, reason, ())
        if revoke:
            self._revoke(leased)
        elif held is not None and leased.session.is_token:
            self._pass_on(leased, held)
        return Result.ENDED

    def _revoke(self, leased: Leased) -> None:
        """Let the IdP's own tokens count no more that were issued to somebody whom it now refuses."""
        try:
            self._live.revoke_principal_now(leased.session.principal_id)
        except SessionError as error:
            log.error("tokens of the owner of session %s live on: %s", _shown(leased), error)  # noqa: TRY400

    def _end_now(self, leased: Leased, reason: str, *, everything: bool) -> Sequence[Ended]:
        if everything:
            return self._live.end_refused_now(leased, reason=reason)
        return self._live.end_leased_now(leased, reason=reason)

    def _withdraw(self, leased: Leased, reason: str) -> tuple[str, ...]:
        """Take the roles of an account elsewhere; the end stands whether that works or not."""
        # Where somebody acts on behalf of the principal, the rules may give less than the principal has.
        if reason not in _WITHDRAWN_FOR or leased.session.actors:
            return ()
        session = leased.session
        try:
            return self._store.withdraw(Identity(session.provider, session.issuer, session.subject, session.name))
        except SessionError as error:
            log.error("roles of session %s live on: %s", _shown(leased), error)  # noqa: TRY400  # no stack needed
            return ()

    def _lost(self, leased: Leased, tokens: HeldTokens | None) -> Result:
        log.warning("session %s was re-checked by another server meanwhile, or has ended", _shown(leased))
        if tokens is not None and leased.session.is_token:
            self._pass_on(leased, tokens)
        return Result.LOST

    def _pass_on(self, leased: Leased, tokens: HeldTokens) -> None:
        """Give new tokens of a token session that was ended meanwhile to another one of its principal."""
        try:
            if self._store.load(leased.session.id, now=self._now()) is None:
                self._store.pass_on(leased, tokens, now=self._now())
        except SessionError as error:
            log.warning("new tokens of session %s are lost: %s", _shown(leased), error)

    def _now(self) -> int:
        return int(self._clock())


def active_since(now: int, every: int) -> int:
    """Return since when a session must have been seen to be asked about."""
    return now - every - ACTIVITY_LAG


def _shown(leased: Leased) -> str:
    """Enough to find the audit rows, too little to name the session to the server."""
    return leased.session.id[:8]
