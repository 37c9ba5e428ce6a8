"""The ids of all DAGs, remembered for a moment, for people who may read every DAG."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

REFRESH_AFTER = 1.0
"""Seconds after which one caller looks again while the others keep using what there is."""

FORGET_AFTER = 2.0
"""Seconds after which nobody uses it without a look."""

READ_AFTER = 10.0
"""Seconds after which a look reads all ids, also where their number is what it was."""


@dataclass(frozen=True, slots=True)
class _Held:
    """:param read_at: when the ids were read
    :param looked_at: when they were compared with the database last
    """

    read_at: float
    looked_at: float
    ids: frozenset[str]


class DagIds:
    """Snapshot of every DAG id, at most :data:`FORGET_AFTER` seconds old.

    To read ten thousand ids takes a tenth of what an API server can do in a second, so the database is asked first how
    many there are. Where one DAG was deleted and another appeared since the last look, it is :data:`READ_AFTER`.

    Bounded by the number of DAGs. A DAG that appeared within that time is missing, never the other way round in
    effect: Airflow intersects the ids with the rows that exist, so an id of a deleted DAG opens nothing.

    :param load: reads all ids; called without a lock held, on the caller's thread
    :param count: asks how many there are; likewise
    :param clock: monotonic seconds
    """

    def __init__(
        self, load: Callable[[], set[str]], count: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._count = count
        self._clock = clock
        self._looking = threading.Lock()
        self._held: _Held | None = None

    def get(self) -> frozenset[str]:
        """Return the snapshot; all callers share it."""
        held = self._held
        age = self._clock() - held.looked_at if held else FORGET_AFTER
        if held is None or age >= FORGET_AFTER:
            return self._look()
        if age >= REFRESH_AFTER and self._looking.acquire(blocking=False):
            # Nobody ever waits here: whoever waits may hold the database connection that the loader needs.
            try:
                return self._look()
            finally:
                self._looking.release()
        return held.ids

    def _look(self) -> frozenset[str]:
        started, held = self._clock(), self._held
        if held is not None and started - held.read_at < READ_AFTER and self._count() == len(held.ids):
            self._held = replace(held, looked_at=started)
            return held.ids
        found = self._load()
        # The same object while they are the same: the policy compares it with what it knows, once.
        ids = held.ids if held is not None and held.ids == found else frozenset(found)
        self._held = _Held(started, started, ids)
        return ids
