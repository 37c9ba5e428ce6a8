"""Hear of every session and token that any API server ended, and of every Grant that it changed."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.revocation import (
    GRANT,
    PRINCIPAL,
    SESSION,
    TOKEN,
    grant_key,
    parse_principal_key,
    session_of_grant_key,
    token_key,
)
from airflow_oidc_auth.sessions.store import Revocation, SessionStore

log = logging.getLogger(__name__)

MAX_BACKOFF = 5.0
OVERLAP = 60.0
OVERLAP_ROWS = 2_000
RESYNC_EVERY = 600.0


class RevocationFeed:
    """Poll the store for new revocations and answer from memory whether something is revoked.

    Numbers are given when a row is written and seen when its transaction commits, so a lower number can appear
    after a higher one. Each poll therefore reads again what the last minute brought (by this process's own
    clock: the servers' clocks may differ), at most 2,000 rows of it; and everything once in ten minutes, after
    an outage, and so also after the database was restored from a backup.

    :param clock: wall clock, epoch seconds
    :param interval: seconds between polls
    :param on_session_ended: called with the id of each ended session, once, from the polling thread
    :param on_grant_changed: called with the id of a session for each change of its Grant, likewise
    """

    def __init__(
        self,
        store: SessionStore,
        clock: Callable[[], float] = time.time,
        interval: float = 1.0,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        on_session_ended: Callable[[str], None] = lambda _: None,
        on_grant_changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._on_session_ended = on_session_ended
        self._on_grant_changed = on_grant_changed
        self._sessions: dict[str, int] = {}
        self._tokens: dict[str, int] = {}
        self._grants: dict[str, int] = {}
        # Until when what was issued counts no more, and until when that matters.
        self._principals: dict[str, tuple[int, int]] = {}
        self._polling = threading.Lock()
        self._high = 0
        self._marks: deque[tuple[float, int]] = deque()
        self._resync_due = float("-inf")
        self._in_doubt = True
        self._heard_at = monotonic()
        self._periodic = Periodic("oidc-auth-revocation-feed", self.poll, interval, max_backoff=MAX_BACKOFF)

    def start(self) -> None:
        """Begin to poll on a thread; call it after any fork."""
        self._polling = threading.Lock()
        self._heard_at = self._monotonic()
        self._periodic.start()

    def stop(self) -> None:
        """End the thread."""
        self._periodic.stop()

    def is_session_revoked(self, session_id: str) -> bool:
        """Tell whether the session was ended, as far as this process has heard."""
        return session_id in self._sessions

    def is_token_revoked(self, jti: str) -> bool:
        """Tell whether the token was revoked, as far as this process has heard."""
        return bool(self._tokens) and token_key(jti) in self._tokens

    def principal_revoked_at(self, principal_id: str) -> int | None:
        """Return until when whatever was issued to a principal is revoked, epoch seconds; None if nothing is."""
        revoked = self._principals.get(principal_id)
        return None if revoked is None else revoked[0]

    def stale_for(self) -> float:
        """Return how many seconds ago the feed last heard from the database (or was started)."""
        return max(0.0, self._monotonic() - self._heard_at)

    def note_session(self, session_id: str, *, expires_at: int) -> None:
        """Let a session that this server has ended count as ended here at once."""
        self._sessions[session_id] = expires_at
        self._on_session_ended(session_id)

    def note_grant(self, session_id: str, change: str, *, expires_at: int) -> None:
        """Let a Grant that this server has changed count as changed here at once.

        :param change: what the store called this change: the lease's owner
        """
        self._note_grant(grant_key(session_id, change), expires_at)

    def note_token(self, jti: str, *, expires_at: int) -> None:
        """Let a token that this server has revoked count as revoked here at once."""
        self._tokens[token_key(jti)] = expires_at

    def note_principal(self, principal_id: str, moment: int, *, expires_at: int) -> None:
        """Let what was issued to a principal until a moment count as revoked here at once."""
        known = self._principals.get(principal_id, (0, 0))
        # The later one of both counts, in whichever order they are read.
        self._principals[principal_id] = max(known[0], moment), max(known[1], expires_at)

    def poll(self) -> None:
        """Read what is new once.

        :raises SessionError: the store cannot be read; the next poll that succeeds reads everything
        """
        with self._polling:
            begun = self._monotonic()
            resync = self._in_doubt or begun >= self._resync_due
            after = 0 if resync else self._window_start(begun)
            # Left so if reading fails: after an outage nobody knows which low numbers have appeared meanwhile.
            self._in_doubt = True
            entries = self._store.revocations(after=after, now=int(self._clock()))
            self._apply(entries)
            self._advance(begun, entries, resync)
            self._in_doubt = False
            self._heard_at = begun

    def _window_start(self, now: float) -> int:
        while len(self._marks) > 1 and self._marks[1][0] <= now - OVERLAP:
            self._marks.popleft()
        settled = self._marks[0][1] if self._marks and self._marks[0][0] <= now - OVERLAP else 0
        return max(settled, self._high - OVERLAP_ROWS, 0)

    def _advance(self, begun: float, entries: Sequence[Revocation], resync: bool) -> None:
        high = max((entry.sequence for entry in entries), default=0)
        if resync:
            self._resync_due = begun + RESYNC_EVERY
            if high < self._high:
                self._marks.clear()
            self._high = high
            self._drop_expired()
        self._high = max(self._high, high)
        if not self._marks or self._marks[-1][1] != self._high:
            self._marks.append((begun, self._high))

    def _apply(self, entries: Iterable[Revocation]) -> None:
        for entry in entries:
            if entry.kind == SESSION:
                if entry.key not in self._sessions:
                    self.note_session(entry.key, expires_at=entry.expires_at)
            elif entry.kind == TOKEN:
                self._tokens[entry.key] = entry.expires_at
            elif entry.kind == GRANT:
                self._note_grant(entry.key, entry.expires_at)
            elif entry.kind == PRINCIPAL:
                if (revoked := parse_principal_key(entry.key)) is not None:
                    self.note_principal(*revoked, expires_at=entry.expires_at)
            else:
                # A newer release of ours wrote it while servers are updated one by one.
                log.debug("Revocation %d is of the unknown kind %r", entry.sequence, entry.kind)

    def _note_grant(self, key: str, expires_at: int) -> None:
        if key not in self._grants:
            self._grants[key] = expires_at
            self._on_grant_changed(session_of_grant_key(key))

    def _drop_expired(self) -> None:
        now = self._clock()
        for known in (self._sessions, self._tokens, self._grants):
            for key in [key for key, expires_at in list(known.items()) if expires_at <= now]:
                known.pop(key, None)
        for key in [key for key, (_, expires_at) in list(self._principals.items()) if expires_at <= now]:
            self._principals.pop(key, None)
