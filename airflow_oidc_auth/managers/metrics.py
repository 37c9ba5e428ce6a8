"""Numbers for whoever watches this Airflow, through Airflow's own metrics: StatsD, DogStatsD or OpenTelemetry.

Nothing is sent while somebody waits: what happens is counted in memory, and a thread hands it over every ten seconds.
As Airflow does, each number has a name with tags, and while ``[metrics] legacy_names_on`` also one without, because
plain StatsD knows no tags.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent

FLUSH_EVERY = 10.0
COUNT_SESSIONS_EVERY = 6  # flushes
MAX_TIMINGS = 2_000
UNKNOWN = "unknown"
VIA_BEARER = ("via", "bearer")

Tags = tuple[tuple[str, str], ...]
_RESULTS = {AuthEvent.LOGIN: "ok", AuthEvent.LOGIN_REFUSED: "refused", AuthEvent.LOGIN_FAILED: "failed"}


class Stats(Protocol):
    """Airflow's ``airflow.observability.stats``."""

    def incr(self, stat: str, count: int | None = None, *, tags: dict[str, str] | None = None) -> None:
        """Add to a counter."""

    def gauge(self, stat: str, value: float, *, tags: dict[str, str] | None = None) -> None:
        """Set a gauge."""

    def timing(self, stat: str, dt: float, *, tags: dict[str, str] | None = None) -> None:
        """Tell a duration, in milliseconds."""


class Tally:
    """How some decisions went. Not exact between threads, and nobody waits for anybody."""

    __slots__ = ("allowed", "denied")

    def __init__(self) -> None:
        self.allowed = 0
        self.denied = 0


class Metrics:
    """Count what happens here. Safe to share between threads.

    :param legacy_names: also send names without tags
    """

    def __init__(self, *, legacy_names: bool = True) -> None:
        self.decisions = Tally()
        self._legacy_names = legacy_names
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Tags]] = Counter()
        self._timings: deque[tuple[str, Tags, float]] = deque(maxlen=MAX_TIMINGS)
        self._flushes = 0

    def write(self, record: AuditRecord) -> None:
        """Count an audited event; this is a sink of the audit."""
        if VIA_BEARER in record.detail:
            # Told once an hour: no sign-in, and no count of anything.
            return
        if record.event in _RESULTS:
            provider = record.provider or UNKNOWN
            self._count("oidc_auth.logins", record.count, provider=provider, result=_RESULTS[record.event])
        elif record.event is AuthEvent.SESSION_ENDED:
            self._count("oidc_auth.sessions_ended", record.count, reason=record.reason)
        elif record.event is AuthEvent.TOKEN_REFUSED:
            provider = record.provider or UNKNOWN
            self._count("oidc_auth.tokens_refused", record.count, provider=provider, reason=record.reason)

    def recheck(self, provider: str, result: str) -> None:
        """Count a re-check."""
        self._count("oidc_auth.rechecks", 1, provider=provider, result=result)

    def exchange(self, provider: str, outcome: str, seconds: float) -> None:
        """Note how long an IdP took to answer.

        :param outcome: ``ok`` or an error's code
        """
        tags = (("provider", provider), ("result", outcome))
        self._timings.append(("oidc_auth.idp_latency", tags, seconds * 1000.0))

    def flush(self, stats: Stats, count_sessions: Callable[[], int]) -> None:
        """Hand everything over.

        :param count_sessions: asks the database how many sessions live; once a minute
        :raises SessionError: it cannot be asked; the rest is handed over before
        """
        with self._lock:
            counts, self._counts = self._counts, Counter()
        decided, self.decisions = self.decisions, Tally()
        for answer, number in (("allowed", decided.allowed), ("denied", decided.denied)):
            if number:
                counts["oidc_auth.decisions", (("answer", answer),)] = number
        for (name, tags), number in counts.items():
            for each, pairs in self._names(name, tags):
                stats.incr(each, number, tags=pairs)
        for _ in range(len(self._timings)):
            name, tags, milliseconds = self._timings.popleft()
            for each, pairs in self._names(name, tags):
                stats.timing(each, milliseconds, tags=pairs)
        self._flushes += 1
        if self._flushes % COUNT_SESSIONS_EVERY == 1:
            stats.gauge("oidc_auth.active_sessions", count_sessions())

    def _count(self, name: str, number: int, **tags: str) -> None:
        with self._lock:
            self._counts[name, tuple(tags.items())] += number

    def _names(self, name: str, tags: Tags) -> list[tuple[str, dict[str, str]]]:
        told = [(name, dict(tags))]
        if self._legacy_names:
            told.append((".".join([name, *(value for _, value in tags)]), {}))
        return told
