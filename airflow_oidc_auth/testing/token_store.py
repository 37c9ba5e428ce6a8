"""The part of the store in memory that is about tokens of programs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.sessions.revocation import PRINCIPAL, principal_key
from airflow_oidc_auth.sessions.session import (
    BEARER,
    DueSession,
    Ended,
    Leased,
    Opened,
    Recheck,
    Session,
    TokenRequest,
)
from airflow_oidc_auth.sessions.sessions_table import IDLE_TIMEOUT
from airflow_oidc_auth.sessions.token_session import UNVERIFIED_LIFETIME, new_token_session, with_timer
from airflow_oidc_auth.sessions.tokens_table import marked


@dataclass(slots=True)
class Kept:
    """A row."""

    session: Session
    tokens: HeldTokens = field(repr=False)
    identity: Identity | None
    failures: int = 0
    lease_owner: str | None = None
    lease_until: int = 0

    @property
    def holds(self) -> bool:
        """It has something to ask the IdP with."""
        return self.tokens.refresh_token is not None or self.tokens.access_token is not None


class MemoryTokenStore:
    """Make, list and end token sessions; mix in to the store in memory."""

    _sessions: dict[str, Kept]
    _roles: dict[str, tuple[str, ...]]
    _new_id: Callable[[], str]
    _revoked: dict[str, int]
    _made_for: dict[str, list[str]]
    end_many: Callable[..., Sequence[Ended]]
    _available: Callable[[], threading.RLock]
    _publish: Callable[[str, str, int], None]

    def open_token(
        self,
        owner: Session,
        request: TokenRequest,
        *,
        identity: Identity | None,
        now: int,
        client_address: str | None = None,
        unverified_lifetime: int = UNVERIFIED_LIFETIME,
    ) -> Opened:
        """Keep the session behind a token."""
        with self._available():
            kept = self._sessions.get(owner.id)
            current = owner if kept is None else replace(owner, grant=kept.session.grant)
            token = new_token_session(self._new_id(), current, request, now=now, client_address=client_address)
            gone = kept is None or kept.session.expires_at <= now
            if (gone and owner.kind != BEARER) or self._revoked.get(owner.principal_id, 0) > owner.created_at:
                raise SessionError("token_owner_gone", f"session {owner.id[:8]} has ended")
            asked = owner if kept is None else kept.session
            checked = replace(token, checked_at=asked.checked_at or asked.created_at)
            until = self._keeper_until(owner, now)
            stored = with_timer(checked, until, now=now, unverified_lifetime=unverified_lifetime)
            if stored is None:
                raise SessionError("token_owner_unverified", "not confirmed for too long")
            known = identity or (None if kept is None else kept.identity)
            self._sessions[stored.id] = Kept(stored, HeldTokens(), known)
            self._made_for.setdefault(owner.principal_id, []).append(stored.id)
            self._roles.setdefault(owner.principal_id, owner.grant.roles)
            return Opened(stored, None)

    def list_tokens(self, *, now: int, principal_id: str | None = None, reference: str = "") -> Sequence[Session]:
        """Return live token sessions whose id begins so, newest first."""
        with self._available():
            sessions = [kept.session for kept in self._sessions.values() if kept.session.is_token]
        sessions = [each for each in sessions if each.id.startswith(reference)]
        live = [each for each in sessions if not each.is_over(now) and principal_id in (None, each.principal_id)]
        return tuple(sorted(live, key=lambda session: (-session.created_at, session.id)))

    def count_tokens(self, principal_id: str, *, now: int) -> int:
        """Return how many live token sessions a principal has."""
        return len(self.list_tokens(now=now, principal_id=principal_id))

    def revoke_principal(self, principal_id: str, *, now: int, until: int) -> None:
        """Publish that nothing counts any more that was issued to a principal until now."""
        with self._available():
            self._revoked[principal_id] = max(now, self._revoked.get(principal_id, 0))
            self._publish(PRINCIPAL, principal_key(principal_id, now), until)

    def end_refused(self, leased: Leased, *, reason: str, now: int, everything: bool = True) -> Sequence[Ended]:
        """Forget a session while the lease is held, and the tokens of its principal."""
        with self._available():
            kept = self._sessions.get(leased.session.id)
            if kept is None or kept.lease_owner != leased.owner or kept.session.expires_at <= now:
                return ()
            tokens = [each.session.id for each in self._tokens_of(leased.session, now)] if everything else []
            others = [each for each in tokens if each != leased.session.id]
            return self.end_many([leased.session.id, *others], reason=reason, now=now)

    def find_keeper(self, leased: Leased, *, now: int) -> int | None:
        """Return until when the IdP can be asked about a token's owner."""
        with self._available():
            token = leased.session
            until = self._keeper_until(token, now, apart_from=(token.id,))
            if until is not None:
                return until
            gone = [
                each
                for each in self._same_person(token)
                if each.session.expires_at <= now and each.holds and each.lease_until <= now
            ]
            if not gone:
                return None
            donor = max(gone, key=lambda each: each.session.expires_at)
            self._give(self._sessions[token.id], donor.tokens, donor.identity, now)
            donor.tokens = HeldTokens()
            return token.expires_at

    def pass_on(self, leased: Leased, tokens: HeldTokens, *, now: int) -> None:
        """Give new tokens of a token session that has ended to another one."""
        with self._available():
            self._hand_over(leased.session, tokens, leased.identity, now)

    def _made_from(self, gone: Sequence[Kept]) -> list[str]:
        ids = {kept.session.id for kept in gone}
        made = (each for kept in gone for each in self._made_for.get(kept.session.principal_id, ()))
        tokens = [kept for each in dict.fromkeys(made) if (kept := self._sessions.get(each)) is not None]
        return [each.session.id for each in tokens if each.session.parent in ids]

    def _follow_up(self, gone: Sequence[Kept], reason: str, now: int) -> None:
        for kept in gone:
            session = kept.session
            if (session.is_token or reason == IDLE_TIMEOUT) and kept.lease_until <= now:
                self._hand_over(session, kept.tokens, kept.identity, now)
            for token in self._tokens_of(session, now) if kept.holds else ():
                token.session = replace(token.session, regrade_at=marked(token.session.regrade_at, now))

    def _hand_over(self, session: Session, tokens: HeldTokens, identity: Identity | None, now: int) -> None:
        heirs = self._tokens_of(session, now)
        if not heirs or (tokens.refresh_token is None and tokens.access_token is None):
            return
        if self._keeper_until(session, now) is None:
            heir = max(heirs, key=lambda each: (each.session.expires_at, each.session.id))
            self._give(heir, tokens, identity, now)

    def _give(self, heir: Kept, tokens: HeldTokens, identity: Identity | None, now: int) -> None:
        heir.tokens, heir.failures, known = tokens, 0, heir.identity
        if identity is not None:
            heir.identity = identity if known is None else replace(identity, authentication=known.authentication)
        heir.session = replace(heir.session, check_due_at=now)

    def _keeper_until(self, session: Session, now: int, apart_from: Collection[str] = ()) -> int | None:
        theirs = (each.session for each in self._same_person(session) if each.session.id not in apart_from)
        live = (each.expires_at for each in theirs if each.expires_at > now and each.check_due_at is not None)
        return max(live, default=None)

    def _same_person(self, session: Session) -> list[Kept]:
        whose = (session.principal_id, session.provider)
        return [kept for kept in self._sessions.values() if (kept.session.principal_id, kept.session.provider) == whose]

    def _tokens_of(self, session: Session, now: int, apart_from: Collection[str] = ()) -> list[Kept]:
        # Not by looking at every session: a test may open fifty thousand.
        made = (self._sessions.get(each) for each in self._made_for.get(session.principal_id, ()))
        live = [each for each in made if each is not None and each.session.expires_at > now]
        theirs = [each for each in live if each.session.provider == session.provider]
        return [each for each in theirs if each.session.id not in apart_from]

    def _was_told(self, kept: Kept, leased: Leased) -> bool:
        now, then = kept.session, leased.session
        return now.is_token and (now.check_due_at, now.regrade_at) != (then.check_due_at, then.regrade_at)

    def _tell_after(self, leased: Leased, recheck: Recheck, grant: Grant, now: int) -> tuple[DueSession, ...]:
        if not recheck.confirmed:
            return ()
        if recheck.identity in (None, leased.identity) and grant == leased.session.grant:
            for each in self._tokens_of(leased.session, now, apart_from=(leased.session.id,)):
                each.session = replace(each.session, checked_at=now)
            return ()
        return self._tell(leased.session, recheck.identity or leased.identity, now)

    def _tell(self, session: Session, identity: Identity | None, now: int) -> tuple[DueSession, ...]:
        told = []
        for kept in self._tokens_of(session, now, apart_from=(session.id,)):
            due = marked(kept.session.regrade_at, now)
            kept.session = replace(kept.session, checked_at=now, regrade_at=due)
            if identity is not None:
                known = kept.identity
                kept.identity = identity if known is None else replace(identity, authentication=known.authentication)
            told.append(DueSession(kept.session.id, kept.session.provider, kept.session.check_due_at, due))
        return tuple(told)
