"""The ids of all DAGs, remembered for a moment, for people who may read every DAG."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

REFRESH_AFTER = 1.0
"""Seconds after which one caller reloads while the others keep using what there is."""

FORGET_AFTER = 2.0
"""Seconds after which nobody uses it any more."""


class DagIds:
    """Snapshot of every DAG id, at most :data:`FORGET_AFTER` seconds old.

    Bounded by the number of DAGs. A DAG that appeared within that time is missing, never the other way round in
    effect: Airflow intersects the ids with the rows that exist, so an id of a deleted DAG opens nothing.

    :param load: reads all ids; called without a lock held, on the caller's thread
    :param clock: monotonic seconds
    """

    def __init__(self, load: Callable[[], set[str]], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._reloading = threading.Lock()
        self._held: tuple[float, frozenset[str]] | None = None

    def get(self) -> frozenset[str]:
        """Return the snapshot; all callers share it."""
        held, now = self._held, self._clock()
        age = now - held[0] if held else FORGET_AFTER
        if held is None or age >= FORGET_AFTER:
            return self._reload()
        if age >= REFRESH_AFTER and self._reloading.acquire(blocking=False):
            # Nobody ever waits here: whoever waits may hold the database connection that the loader needs.
            try:
                return self._reload()
            finally:
                self._reloading.release()
        return held[1]

    def _reload(self) -> frozenset[str]:
        started, held = self._clock(), self._held
        found = self._load()
        # The same object while they are the same: the policy compares it with what it knows, once.
        ids = held[1] if held is not None and held[1] == found else frozenset(found)
        self._held = (started, ids)
        return ids
