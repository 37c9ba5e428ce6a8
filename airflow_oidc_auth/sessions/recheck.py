"""Confirm active sessions at their IdP, off the request path, together with every other API server.

Each server looks every few seconds for sessions that are due and were lately active, and hands them to a few threads
per IdP (:mod:`.recheck_lanes`); a lease in the database lets one server at a time ask about a session
(:mod:`.session_check`). An IdP that fails is left alone for a while; its sessions carry on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.recheck_lanes import Lane
from airflow_oidc_auth.sessions.recheck_report import RecheckReport, RecheckRules, Result
from airflow_oidc_auth.sessions.schedule import chance
from airflow_oidc_auth.sessions.session import DueSession
from airflow_oidc_auth.sessions.session_check import SessionCheck, active_since

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
WORKERS = 4
AT_ONCE = 500
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
# Who still holds new tokens from before an outage of the database comes first, then whoever finds a lease run out.
SETTLING = 15.0
STOP_TIMEOUT = 10.0


@dataclass(slots=True)
class _Pause:
    """How an IdP's last failures went, in monotonic seconds."""

    until: float = 0.0
    length: float = 0.0


class Rechecker:
    """The re-checks of one API server; any number of servers share one store.

    :param rules: of the document in force; asked anew for each round and each session
    :param report: audit and metrics
    :param clock: epoch seconds
    :param workers: re-checks at once, for each IdP
    """

    def __init__(
        self,
        live: LiveSessions,
        rules: Callable[[], RecheckRules],
        report: RecheckReport,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = chance,
        workers: int = WORKERS,
        interval: float = LOOK_EVERY,
    ) -> None:
        self._store = live.store
        self._rules = rules
        self._clock = clock
        self._monotonic = monotonic
        self._jitter = jitter
        self._workers = workers
        self._check = SessionCheck(live, rules, report, clock=clock, jitter=jitter)
        self._lock = threading.Lock()
        self._lanes: dict[str, Lane] = {}
        self._pauses: dict[str, _Pause] = {}
        self._settling_until = float("-inf")
        self._periodic = Periodic("oidc-auth-recheck", self.look, interval, first_delay=interval * jitter())

    def start(self) -> None:
        """Begin to look, on a thread; after any fork."""
        self._lock = threading.Lock()
        self._check.stopping = threading.Event()
        self._periodic.start()

    def stop(self) -> None:
        """End; what the IdP is being asked about now is finished, for ten seconds at most."""
        self._periodic.stop()
        deadline = self._monotonic() + STOP_TIMEOUT
        with self._lock:
            lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            lane.close(max(0.0, deadline - self._monotonic()))
        self._check.stopping.set()

    def look(self) -> int:
        """Hand over what is due; return how many sessions.

        :raises SessionError: the store cannot be read
        """
        if self._monotonic() < self._settling_until:
            return 0
        try:
            due = self._find_due()
        except SessionError:
            self._settle_first()
            raise
        # Servers that read the same list begin at different places.
        return sum(self._offer(each) for each in sorted(due, key=lambda _: self._jitter()))

    def wait(self, timeout: float | None = None) -> None:
        """Wait until what was handed over is done."""
        with self._lock:
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.wait(timeout)

    def _find_due(self) -> Collection[DueSession]:
        rules, now = self._rules(), int(self._clock())
        every = rules.every
        ready = [] if every is None else [name for name in rules.providers if not self._is_paused(name)]
        since = now if every is None else active_since(now, every)
        return self._store.due_sessions(now=now, active_since=since, limit=AT_ONCE, providers=ready)

    def _offer(self, due: DueSession) -> bool:
        with self._lock:
            lane = self._lanes.get(due.provider)
            if lane is None:
                lane = self._lanes[due.provider] = Lane(due.provider, self._workers)
        return lane.offer(due.id, partial(self._run, due))

    def _run(self, due: DueSession) -> None:
        if due.regrade_at is None and self._is_paused(due.provider):
            return
        try:
            result = self._check.run(due)
        except SessionError as error:
            self._settle_first()
            log.info("session %s is not re-checked now: %s", due.id[:8], error)
        except Exception:  # the thread's outermost border
            log.exception("re-check of session %s failed", due.id[:8])
        else:
            self._note(due.provider, result)

    def _note(self, provider: str, result: Result) -> None:
        if result is Result.OUTAGE:
            self._pause(provider)
        elif result in {Result.CONFIRMED, Result.REGRADED, Result.ENDED}:
            self._pauses.pop(provider, None)

    def _pause(self, provider: str) -> None:
        with self._lock:
            pause, now = self._pauses.setdefault(provider, _Pause()), self._monotonic()
            # Those that were under way when it began tell nothing new.
            if pause.until <= now:
                pause.length = min(2 * pause.length or FIRST_PAUSE, LONGEST_PAUSE)
                pause.until = now + pause.length * (0.5 + 0.5 * self._jitter())
                log.warning("%s does not confirm sessions; asked again in %.0f s", provider, pause.until - now)

    def _is_paused(self, provider: str) -> bool:
        pause = self._pauses.get(provider)
        return pause is not None and self._monotonic() < pause.until

    def _settle_first(self) -> None:
        self._settling_until = self._monotonic() + SETTLING
