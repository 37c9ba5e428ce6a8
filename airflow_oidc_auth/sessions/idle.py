"""End the sessions whose owner has left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.schedule import chance
from airflow_oidc_auth.sessions.session import Ended
from airflow_oidc_auth.sessions.sessions_table import IDLE_TIMEOUT

SWEEP_EVERY = 30.0
AT_ONCE = 500
# Another server writes activity every half minute, by its own clock.
GRACE = 60


class IdleSweeper:
    """Looks every half minute; any number of servers sweep one store.

    :param idle_timeout: seconds, of the document in force; None for never
    :param before: writes this server's own activity first
    :param ended: hears of what this server has ended, on the sweeper's thread
    :param clock: epoch seconds
    """

    def __init__(
        self,
        live: LiveSessions,
        idle_timeout: Callable[[], int | None],
        ended: Callable[[Sequence[Ended], str], None],
        *,
        before: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = chance,
        interval: float = SWEEP_EVERY,
    ) -> None:
        self._live = live
        self._idle_timeout = idle_timeout
        self._ended = ended
        self._before = before
        self._clock = clock
        self._periodic = Periodic("oidc-auth-idle", self.sweep, interval, first_delay=interval * jitter())

    def start(self) -> None:
        """Begin to sweep, on a thread; after any fork."""
        self._periodic.start()

    def stop(self) -> None:
        """End the thread."""
        self._periodic.stop()

    def sweep(self) -> int:
        """End what was idle for too long; return how many sessions.

        A session that was seen between reading and writing lives on: the time is compared once more when it ends.

        :raises SessionError: the store cannot be reached
        """
        timeout = self._idle_timeout()
        if timeout is None:
            return 0
        self._before()
        count, now = 0, int(self._clock())
        since = now - timeout - GRACE
        while found := self._live.store.idle_sessions(now=now, idle_since=since, limit=AT_ONCE):
            ended = self._live.end_many_now(found, reason=IDLE_TIMEOUT, idle_since=since)
            self._ended(ended, IDLE_TIMEOUT)
            count += len(ended)
            if len(found) < AT_ONCE or not ended:
                break
        return count
