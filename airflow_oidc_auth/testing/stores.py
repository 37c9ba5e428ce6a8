"""A session store in memory, held to the same contract suite as the one in the database."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import HeldTokens, SignIn
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.revocation import GRANT, SESSION, TOKEN, grant_key, is_session_id, token_key
from airflow_oidc_auth.sessions.rows import changed_session, check_storable, new_session
from airflow_oidc_auth.sessions.scope import scoped
from airflow_oidc_auth.sessions.session import (
    DueSession,
    Ended,
    Ending,
    Leased,
    Opened,
    Opening,
    Recheck,
    Regraded,
    Session,
)
from airflow_oidc_auth.sessions.store import NOTHING_SAID, Revocation
from airflow_oidc_auth.testing.token_store import Kept, MemoryTokenStore


class MemorySessionStore(MemoryTokenStore):
    """Keep sessions for as long as this object lives. Thread-safe.

    ``down`` is a switch: while it is true every call fails as it would without a database.
    """

    def __init__(self, *, new_id: Callable[[], str] = lambda: secrets.token_urlsafe(16)) -> None:
        self.down = False
        self._new_id = new_id
        self._lock = threading.RLock()
        self._sequence = 0
        self._sessions: dict[str, Kept] = {}
        self._endings: dict[str, tuple[Ending, int]] = {}
        self._roles: dict[str, tuple[str, ...]] = {}
        self._revocations: dict[tuple[str, str], Revocation] = {}
        self._replays: dict[str, int] = {}
        self._revoked: dict[str, int] = {}
        self._made_for: dict[str, list[str]] = {}

    def open(
        self,
        sign_in: SignIn,
        grant: Grant,
        *,
        now: int,
        expires_at: int,
        client_address: str | None,
        opening: Opening = NOTHING_SAID,
    ) -> Opened:
        """Keep a new session."""
        check_storable(sign_in.identity)
        session = new_session(self._new_id(), sign_in, grant, now, expires_at, client_address, opening)
        tokens = HeldTokens(sign_in.id_token, sign_in.refresh_token, sign_in.access_token)
        with self._available():
            previous = self._roles.get(session.principal_id)
            self._roles[session.principal_id] = grant.roles
            ended = self._make_room(session.principal_id, opening.max_sessions, now)
            self._sessions[session.id] = Kept(session, tokens, sign_in.identity)
            if previous is not None:
                self._tell(session, sign_in.identity, now)
            return Opened(session, previous, ended=ended)

    def withdraw(self, identity: Identity) -> tuple[str, ...]:  # the database may keep accounts
        """Take nothing: there are no accounts elsewhere."""
        with self._available():
            return ()

    def load(self, session_id: str, *, now: int) -> Session | None:
        """Return a live session."""
        if not is_session_id(session_id):
            return None
        with self._available():
            kept = self._find(session_id, now)
            return None if kept is None or kept.session.is_over(now) else kept.session

    def end(self, session_id: str, *, reason: str, now: int) -> Ended | None:
        """Forget a session and publish that."""
        return next(iter(self.end_many([session_id], reason=reason, now=now)), None)

    def find_ending(self, session_id: str, *, now: int) -> Ending | None:
        """Return whether a session has ended and why."""
        with self._available():
            kept = self._find(session_id, now)
            if kept is not None:
                return None if kept.session.is_token else Ending(kept.session.provider, None, None)
            ending, expires_at = self._endings.get(session_id, (None, 0))
            return ending if expires_at > now else None

    def end_many(
        self, session_ids: Collection[str], *, reason: str, now: int, idle_since: int | None = None
    ) -> Sequence[Ended]:
        """Forget sessions and publish that."""
        with self._available():
            generations = [self._forget(session_ids, reason, now, idle_since)]
            while children := self._made_from(generations[-1]):
                generations.append(self._forget(children, reason, now, None))
            for gone in reversed(generations):
                self._follow_up(gone, reason, now)
            return tuple(Ended(kept.session, kept.tokens.id_token) for gone in generations for kept in gone)

    def _forget(self, session_ids: Collection[str], reason: str, now: int, idle_since: int | None) -> list[Kept]:
        found = (self._find(session_id, now) for session_id in session_ids)
        gone = [kept for kept in found if kept is not None and (idle_since is None or _idle(kept, idle_since, now))]
        for kept in gone:
            del self._sessions[kept.session.id]
            if not kept.session.is_token:
                self._endings[kept.session.id] = Ending(kept.session.provider, now, reason), kept.session.expires_at
            self._publish(SESSION, kept.session.id, kept.session.expires_at)
        return gone

    def revoke_token(self, jti: str, *, expires_at: int, now: int) -> None:  # the database keeps it
        """Publish the revocation of one token."""
        with self._available():
            self._publish(TOKEN, token_key(jti), expires_at)

    def claim(self, message_key: str, *, expires_at: int, now: int) -> bool:
        """Use a message up."""
        with self._available():
            if expires_at <= now or message_key in self._replays:
                return False
            self._replays[message_key] = expires_at
            return True

    def is_claimed(self, message_key: str, *, now: int) -> bool:
        """Tell whether a message was used up."""
        with self._available():
            return self._replays.get(message_key, 0) > now

    def list_sessions(
        self,
        *,
        now: int,
        principal_id: str | None = None,
        provider: str | None = None,
        idp_sid: str | None = None,
        sid_begins: str | None = None,
        user: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Session]:
        """Return live sessions, newest first."""
        with self._available():
            live = [kept.session for kept in self._sessions.values() if kept.session.expires_at > now]
        mine = [
            session
            for session in live
            if principal_id in (None, session.principal_id)
            and provider in (None, session.provider)
            and user in (None, session.name, session.email, session.subject)
            and idp_sid in (None, session.idp_sid)
            and (session.idp_sid or "").startswith(sid_begins or "")
        ]
        return tuple(sorted(mine, key=lambda session: (-session.created_at, session.id))[:limit])

    def sessions_by_identity(self, issuer: str, subject: str, *, now: int) -> Sequence[Session]:
        """Return the live sessions of one identity, newest first."""
        return self.list_sessions(now=now, principal_id=principal_id(issuer, subject))

    def touch(self, seen: Mapping[str, int]) -> None:
        """Note activity."""
        with self._available():
            for session_id, moment in seen.items():
                kept = self._sessions.get(session_id)
                if kept is not None and (kept.session.seen_at or 0) < moment:
                    kept.session = replace(kept.session, seen_at=moment)

    def idle_sessions(self, *, now: int, idle_since: int, limit: int) -> Sequence[str]:
        """Return ids of live sessions that were not seen since."""
        with self._available():
            live = (each for each in self._sessions.values() if each.session.expires_at > now)
            idle = [each for each in sorted(live, key=_seen) if not each.session.is_token and _seen(each) < idle_since]
            return [each.session.id for each in idle][:limit]

    def due_sessions(
        self, *, now: int, active_since: int, limit: int, providers: Collection[str]
    ) -> Sequence[DueSession]:
        """Return sessions whose re-check is due and that nobody re-checks now."""
        with self._available():
            due = [
                DueSession(each.id, each.provider, each.check_due_at, each.regrade_at)
                for kept in self._sessions.values()
                if kept.lease_until <= now and (each := kept.session).expires_at > now
                if (
                    each.provider in providers
                    and self._wanted(kept, active_since, now)
                    and _past(each.check_due_at, now)
                )
                or _past(each.regrade_at, now)
            ]
        return sorted(due, key=_due_since)[:limit]

    def take_lease(self, due: DueSession, *, owner: str, now: int, seconds: int) -> Leased | None:
        """Let the caller alone re-check a session for some seconds."""
        with self._available():
            kept = self._find(due.id, now)
            if kept is None or kept.lease_until > now:
                return None
            if (kept.session.check_due_at, kept.session.regrade_at) != (due.check_due_at, due.regrade_at):
                return None
            kept.lease_owner, kept.lease_until = owner, now + seconds
            watched = bool(self._tokens_of(kept.session, now, apart_from=(kept.session.id,)))
            return Leased(kept.session, kept.tokens, kept.identity, owner, kept.lease_until, kept.failures, watched)

    def settle_recheck(self, leased: Leased, recheck: Recheck, *, now: int) -> Regraded | None:
        """Keep what came of a re-check and give the lease back."""
        with self._available():
            kept = self._sessions.get(leased.session.id)
            if kept is None or kept.lease_owner != leased.owner:
                return None
            grant = leased.session.grant if recheck.grant is None else scoped(leased.session, recheck, recheck.grant)
            kept.lease_owner, kept.lease_until = None, 0
            kept.tokens = recheck.tokens or kept.tokens
            if kept.session.expires_at <= now or self._was_told(kept, leased):
                return Regraded(leased.session, leased.session.grant)
            kept.failures, kept.identity = recheck.failures, recheck.identity or kept.identity
            kept.session = changed_session(replace(leased.session, seen_at=kept.session.seen_at), recheck, grant, now)
            if recheck.grant is not None and (recheck.confirmed or not kept.session.is_token):
                self._roles[kept.session.principal_id] = (recheck.whole or recheck.grant).roles
            told = self._tell_after(leased, recheck, grant, now)
            if grant != leased.session.grant:
                self._publish(GRANT, grant_key(leased.session.id, leased.owner), kept.session.expires_at)
            return Regraded(kept.session, leased.session.grant, told=told)

    def end_leased(self, leased: Leased, *, reason: str, now: int) -> Ended | None:
        """Forget a session while the lease is held."""
        with self._available():
            kept = self._find(leased.session.id, now)
            if kept is None or kept.lease_owner != leased.owner:
                return None
            return self.end(leased.session.id, reason=reason, now=now)

    def revocations(self, *, after: int, now: int) -> Sequence[Revocation]:
        """Return unexpired revocations with a number above ``after``, in order."""
        with self._available():
            return tuple(r for r in self._revocations.values() if r.sequence > after and r.expires_at > now)

    def reseal_tokens(self) -> int:
        """Do nothing: memory is not encrypted."""
        with self._available():
            return 0

    def delete_expired(self, *, now: int) -> int:
        """Forget what has expired; return how much."""
        with self._available():
            sessions = [key for key, kept in self._sessions.items() if kept.session.expires_at <= now]
            revocations = [key for key, revocation in self._revocations.items() if revocation.expires_at <= now]
            for session_id in sessions:
                del self._sessions[session_id]
            for revoked in revocations:
                del self._revocations[revoked]
            for ended in [key for key, (_, expires_at) in self._endings.items() if expires_at <= now]:
                del self._endings[ended]
            replays = [key for key, expires_at in self._replays.items() if expires_at <= now]
            for message in replays:
                del self._replays[message]
            return len(sessions) + len(revocations) + len(replays)

    def _wanted(self, kept: Kept, active_since: int, now: int) -> bool:
        active = kept.session.is_token or _seen(kept) >= active_since
        return active or bool(self._tokens_of(kept.session, now))

    def _find(self, session_id: str, now: int) -> Kept | None:
        kept = self._sessions.get(session_id)
        return kept if kept is not None and kept.session.expires_at > now else None

    def _make_room(self, principal: str, max_sessions: int | None, now: int) -> tuple[Ended, ...]:
        if max_sessions is None:
            return ()
        theirs = self.list_sessions(now=now, principal_id=principal)
        surplus = [session for session in theirs if not session.is_token][max_sessions - 1 :]
        return tuple(self.end_many([session.id for session in surplus], reason="too_many_sessions", now=now))

    def _available(self) -> threading.RLock:
        if self.down:
            raise SessionError("session_store_unavailable", "the store was switched off")
        return self._lock

    def _publish(self, kind: str, key: str, expires_at: int) -> None:
        if (kind, key) not in self._revocations:
            self._sequence += 1
            self._revocations[kind, key] = Revocation(self._sequence, kind, key, expires_at)


def _idle(kept: Kept, since: int, now: int) -> bool:
    return not kept.session.is_token and _seen(kept) < since and kept.lease_until <= now


def _seen(kept: Kept) -> int:
    return kept.session.created_at if kept.session.seen_at is None else kept.session.seen_at


def _due_since(due: DueSession) -> int:
    return min(moment for moment in (due.check_due_at, due.regrade_at) if moment is not None)


def _past(moment: int | None, now: int) -> bool:
    return moment is not None and moment <= now
