"""A session store in memory, held to the same contract suite as the one in the database."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.revocation import SESSION, TOKEN, is_session_id, token_key
from airflow_oidc_auth.sessions.rows import check_storable, new_session
from airflow_oidc_auth.sessions.session import Ended, Opened, Session
from airflow_oidc_auth.sessions.store import Revocation


@dataclass(slots=True)
class _Kept:
    session: Session
    id_token: Secret | None
    refresh_token: Secret | None = field(repr=False)


class MemorySessionStore:
    """Keep sessions for as long as this object lives. Thread-safe.

    ``down`` is a switch: while it is true every call fails as it would without a database.
    """

    def __init__(self, *, new_id: Callable[[], str] = lambda: secrets.token_urlsafe(16)) -> None:
        self.down = False
        self._new_id = new_id
        self._lock = threading.Lock()
        self._sequence = 0
        self._sessions: dict[str, _Kept] = {}
        self._roles: dict[str, tuple[str, ...]] = {}
        self._revocations: dict[tuple[str, str], Revocation] = {}
        self._replays: dict[str, int] = {}

    def open(self, sign_in: SignIn, grant: Grant, *, now: int, expires_at: int, client_address: str | None) -> Opened:
        """Keep a new session."""
        check_storable(sign_in.identity)
        session = new_session(self._new_id(), sign_in, grant, now, expires_at, client_address)
        with self._available():
            previous = self._roles.get(session.principal_id)
            self._roles[session.principal_id] = grant.roles
            self._sessions[session.id] = _Kept(session, sign_in.id_token, sign_in.refresh_token)
            return Opened(session, previous)

    def withdraw(self, identity: Identity) -> tuple[str, ...]:  # the database may keep accounts
        """Take nothing: there are no accounts elsewhere."""
        with self._available():
            return ()

    def load(self, session_id: str, *, now: int) -> Session | None:
        """Return a live session."""
        if not is_session_id(session_id):
            return None
        with self._available():
            kept = self._sessions.get(session_id)
            return kept.session if kept is not None and kept.session.expires_at > now else None

    def end(self, session_id: str, *, reason: str, now: int) -> Ended | None:  # the database keeps it
        """Forget a session and publish that."""
        with self._available():
            kept = self._sessions.get(session_id)
            if kept is None or kept.session.expires_at <= now:
                return None
            del self._sessions[session_id]
            self._publish(SESSION, session_id, kept.session.expires_at)
            return Ended(kept.session, kept.id_token)

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

    def list_sessions(
        self, *, now: int, principal_id: str | None = None, provider: str | None = None, idp_sid: str | None = None
    ) -> Sequence[Session]:
        """Return live sessions, newest first."""
        with self._available():
            live = [kept.session for kept in self._sessions.values() if kept.session.expires_at > now]
        mine = [
            session
            for session in live
            if principal_id in (None, session.principal_id)
            and provider in (None, session.provider)
            and (idp_sid is None or (session.idp_sid is not None and session.idp_sid.startswith(idp_sid)))
        ]
        return tuple(sorted(mine, key=lambda session: (-session.created_at, session.id)))

    def revocations(self, *, after: int, now: int) -> Sequence[Revocation]:
        """Return unexpired revocations with a number above ``after``, in order."""
        with self._available():
            return tuple(r for r in self._revocations.values() if r.sequence > after and r.expires_at > now)

    def delete_expired(self, *, now: int) -> int:
        """Forget what has expired; return how much."""
        with self._available():
            sessions = [key for key, kept in self._sessions.items() if kept.session.expires_at <= now]
            revocations = [key for key, revocation in self._revocations.items() if revocation.expires_at <= now]
            for session_id in sessions:
                del self._sessions[session_id]
            for revoked in revocations:
                del self._revocations[revoked]
            replays = [key for key, expires_at in self._replays.items() if expires_at <= now]
            for message in replays:
                del self._replays[message]
            return len(sessions) + len(revocations) + len(replays)

    def _available(self) -> threading.Lock:
        if self.down:
            raise SessionError("session_store_unavailable", "the store was switched off")
        return self._lock

    def _publish(self, kind: str, key: str, expires_at: int) -> None:
        if (kind, key) not in self._revocations:
            self._sequence += 1
            self._revocations[kind, key] = Revocation(self._sequence, kind, key, expires_at)
