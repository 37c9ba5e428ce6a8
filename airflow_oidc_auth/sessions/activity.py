"""Who is at work, as opposed to whose page is open: Airflow's pages poll for as long as they are shown.

Activity is a page that is opened, a request that changes something, or a path that this session has not asked for in
the last quarter of an hour; what a page polls is none of these. Judged in memory, written every half minute.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.store import SessionStore

FLUSH_EVERY = 30.0
NEW_AGAIN_AFTER = 900.0
# What is seen within ten seconds is written with one statement.
PRECISION = 10
MAX_SESSIONS = 60_000
MAX_PATHS = 500_000
PATHS_OF_A_SESSION = 512
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Activity:
    """What this server has seen. ``note`` touches memory only.

    Beyond its bounds it forgets the session that was silent longest, and of a session the oldest path: what is
    forgotten counts as new once more.

    :param clock: epoch seconds
    """

    def __init__(
        self, store: SessionStore, *, clock: Callable[[], float] = time.time, interval: float = FLUSH_EVERY
    ) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._paths: OrderedDict[str, dict[int, float]] = OrderedDict()
        self._count = 0
        self._last: OrderedDict[str, int] = OrderedDict()
        self._unwritten: dict[str, int] = {}
        self._periodic = Periodic("oidc-auth-activity", self.flush, interval, first_delay=interval)

    def start(self) -> None:
        """Begin to write, on a thread; after any fork."""
        self._lock = threading.Lock()
        self._periodic.start()

    def stop(self) -> None:
        """End, and write what is left if the store can be reached.

        :raises SessionError: it cannot
        """
        self._periodic.stop()
        self.flush()

    def note(self, session_id: str, path: str, method: str, *, navigation: bool = False) -> bool:
        """Note a request of a live session; return whether it is activity.

        :param path: without the query
        :param navigation: the browser opens a page (``Sec-Fetch-Mode: navigate``)
        """
        now = self._clock()
        with self._lock:
            is_new = method not in _READING or self._is_new(session_id, hash(path), now)
            if not (is_new or navigation):
                return False
            seen = int(now) // PRECISION * PRECISION
            if self._last.get(session_id) != seen:
                self._last[session_id] = self._unwritten[session_id] = seen
                self._last.move_to_end(session_id)
                if len(self._last) > MAX_SESSIONS:
                    self._last.popitem(last=False)
        return True

    def last_seen(self, session_id: str) -> int | None:
        """Return the last activity that this server has seen, to ten seconds; None if there was none."""
        return self._last.get(session_id)

    def flush(self) -> None:
        """Write what is new.

        :raises SessionError: the store cannot be reached; the next call writes it
        """
        with self._lock:
            seen, self._unwritten = self._unwritten, {}
        if not seen:
            return
        try:
            self._store.touch(seen)
        except SessionError:
            with self._lock:
                self._unwritten = {**seen, **self._unwritten}
            raise

    def _is_new(self, session_id: str, path: int, now: float) -> bool:
        paths = self._paths.get(session_id)
        if paths is None:
            paths = self._paths[session_id] = {}
        self._paths.move_to_end(session_id)
        before = paths.pop(path, None)
        paths[path] = now
        if before is not None:
            return now - before >= NEW_AGAIN_AFTER
        self._count += 1
        if len(paths) > PATHS_OF_A_SESSION:
            del paths[next(iter(paths))]
            self._count -= 1
        while self._count > MAX_PATHS or len(self._paths) > MAX_SESSIONS:
            _, forgotten = self._paths.popitem(last=False)
            self._count -= len(forgotten)
        return True
