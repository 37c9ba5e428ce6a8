"""Sessions that this process has seen, in memory and bounded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from airflow_oidc_auth.sessions.session import Session

MAX_DROPPED = 1_000


class SessionCache:
    """Live sessions by id, and ids that were lately found not to exist.

    Reading takes no lock. An expired session is never returned, whether it was dropped yet or not.

    :param max_sessions: beyond it expired sessions go first, then the oldest tenth; they are read again when needed
    :param max_absent: how many unknown ids are remembered, the oldest go first
    :param absent_for: seconds for which an unknown id is not looked up again
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        max_sessions: int = 60_000,
        max_absent: int = 10_000,
        absent_for: float = 5.0,
    ) -> None:
        self._clock = clock
        self._max_sessions = max_sessions
        self._max_absent = max_absent
        self._absent_for = absent_for
        self._sessions: dict[str, Session] = {}
        self._absent: dict[str, float] = {}
        # How many drops there were, which of them was the last for an id, and the last one that is remembered no more.
        self._drops = 0
        self._dropped: dict[str, int] = {}
        self._forgotten_drop = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> Session | None:
        """Return the session unless it is unknown or has expired by the clock."""
        session = self._sessions.get(session_id)
        if session is None or session.expires_at <= (now := self._clock()):
            return None
        # A token whose owner another server has confirmed since is read again.
        return None if session.verify_by is not None and session.verify_by <= now else session

    def put(self, session: Session) -> None:
        """Remember a session."""
        with self._lock:
            self._put(session)

    def mark(self) -> int:
        """Return the moment before a read from the store, for :meth:`put_read`."""
        return self._drops

    def put_read(self, session: Session, mark: int) -> None:
        """Remember a session that was read, unless it was dropped since: what was read may be from before."""
        with self._lock:
            if mark >= max(self._forgotten_drop, self._dropped.get(session.id, 0)):
                self._put(session)

    def drop(self, session_id: str) -> None:
        """Forget a session at once."""
        with self._lock:
            self._sessions.pop(session_id, None)
            self._drops += 1
            self._dropped.pop(session_id, None)
            self._dropped[session_id] = self._drops
            if len(self._dropped) > MAX_DROPPED:
                self._forgotten_drop = self._dropped.pop(next(iter(self._dropped)))

    def put_absent(self, session_id: str) -> None:
        """Remember for a moment that there is no such session."""
        with self._lock:
            self._sessions.pop(session_id, None)
            self._absent.pop(session_id, None)
            self._absent[session_id] = self._clock() + self._absent_for
            while len(self._absent) > self._max_absent:
                del self._absent[next(iter(self._absent))]

    def is_absent(self, session_id: str) -> bool:
        """Tell whether the id was lately found not to exist."""
        until = self._absent.get(session_id)
        return until is not None and until > self._clock()

    def drop_expired(self) -> None:
        """Give back the memory of what has expired."""
        with self._lock:
            self._drop_expired()

    def _put(self, session: Session) -> None:
        self._absent.pop(session.id, None)
        self._sessions[session.id] = session
        if len(self._sessions) > self._max_sessions:
            self._make_room()

    def _drop_expired(self) -> None:
        now = self._clock()
        for session_id in [key for key, session in self._sessions.items() if session.is_over(now)]:
            del self._sessions[session_id]
        for session_id in [key for key, until in self._absent.items() if until <= now]:
            del self._absent[session_id]

    def _make_room(self) -> None:
        self._drop_expired()
        surplus = len(self._sessions) - self._max_sessions
        if surplus > 0:
            # A tenth at once, or every further sign-in would walk the whole cache for one place.
            for session_id in list(self._sessions)[: surplus + self._max_sessions // 10]:
                del self._sessions[session_id]
