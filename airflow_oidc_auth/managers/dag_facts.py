"""What rules select DAGs by, remembered: tags, owners, bundle, team. The policy asks it and never the database.

A thread of its own reads it again and again, only while the policy in force selects DAGs by such facts. Whoever asks
gets what was read last, without a lock; before the first reading there is no DAG, and what is not known is closed. So
it is again when nobody could read for a minute: by then a DAG may have got the tag that closes it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from airflow_oidc_auth.policy.selectors import DagFacts
from airflow_oidc_auth.sessions.periodic import Periodic

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks at whether anything changed."""

READ_ANYWAY_AFTER = 15.0
"""Seconds after which everything is read although it seems unchanged: not every change shows at a look."""

FORGET_AFTER = 60.0
"""Seconds after which what was read counts no more."""

_NO_DAGS: Mapping[str, DagFacts] = MappingProxyType({})


class Rows(Protocol):
    """Where the facts come from."""

    def probe(self) -> object:
        """Return what differs after most changes."""

    def read(self, *, access_control: bool = False) -> dict[str, DagFacts]:
        """Return the facts of every DAG."""


class DagFactsIndex:
    """The :class:`~airflow_oidc_auth.policy.dag_index.DagIndex` of a running server.

    :ivar generation: another number whenever anything is different from before
    :ivar on_change: told after each change, on the thread that read it
    """

    def __init__(self, rows: Rows, clock: Callable[[], float] = time.monotonic) -> None:
        """:param clock: monotonic seconds"""
        self.generation = 0
        self.on_change: Callable[[], None] | None = None
        self._rows = rows
        self._clock = clock
        # Waited for before there is a database connection, never with one in hand.
        self._reading = threading.Lock()
        self._taking = threading.Lock()
        self._held: Mapping[str, DagFacts] = _NO_DAGS
        self._seen: object = None
        self._read_at: float | None = None
        self._needed = False
        self._access_control = False
        self._periodic = Periodic("oidc-auth-dags", self.look, LOOK_EVERY, max_backoff=LOOK_EVERY)

    def facts(self, dag_id: str) -> DagFacts | None:
        """Return what is known of one DAG."""
        return self._held.get(dag_id)

    def all(self) -> Mapping[str, DagFacts]:
        """Return what is known of every DAG; this mapping never changes, another one takes its place."""
        return self._held

    def follow(self, *, needed: bool, access_control: bool) -> None:
        """Read, from now on, what another policy needs; the next look does it."""
        if needed and not self._needed:
            # Of an earlier policy, maybe of yesterday.
            self._read_at = None
            self._take(_NO_DAGS)
        self._needed, self._access_control = needed, access_control

    def start(self) -> None:
        """Begin to read; after any fork."""
        self._periodic.start()

    def stop(self) -> None:
        """End."""
        self._periodic.stop()

    def look(self) -> None:
        """Read everything if it changed, or was not read for long. Blocks; for background threads.

        :raises SessionError: the database cannot be read; what was known stands
        """
        with self._reading:
            if self._needed:
                self._look()

    def _look(self) -> None:
        begun = self._clock()
        seen = (self._access_control, self._rows.probe())
        if self._read_at is not None and seen == self._seen and begun - self._read_at < READ_ANYWAY_AFTER:
            return
        found = self._rows.read(access_control=seen[0])
        self._seen, self._read_at = seen, begun
        self._take(found)

    def forget_old(self) -> None:
        """Know no DAG any more if what was read is too old; asked with each request, because a reader may also hang."""
        if self._needed and self._held and (self.stale_for() or 0.0) >= FORGET_AFTER:
            log.error("the DAGs were not read for %.0f s: rules by tag, owner, bundle or team close", FORGET_AFTER)
            self._take(_NO_DAGS)

    def stale_for(self) -> float | None:
        """Return how many seconds ago everything was read; None if it is not, or not yet."""
        return None if self._read_at is None else max(0.0, self._clock() - self._read_at)

    def _take(self, found: Mapping[str, DagFacts]) -> None:
        with self._taking:
            changed = found != self._held
            if changed:
                # In this order: who sees the new number must see what it stands for.
                self._held = MappingProxyType(dict(found))
                self.generation += 1
        if changed and self.on_change is not None:
            self.on_change()
