"""Do something again and again on a thread of its own, and never stop because it failed once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from airflow_oidc_auth.errors import OidcAuthError

log = logging.getLogger(__name__)


class Periodic:
    """A named daemon thread around one action.

    Begin it in the web app's lifespan: threads do not survive a fork, and gunicorn imports first, then forks.

    :param interval: seconds between the end of one run and the begin of the next
    :param max_backoff: longest pause while the action fails; pauses double from ``interval``
    :param first_delay: seconds before the first run
    """

    def __init__(
        self,
        name: str,
        action: Callable[[], object],
        interval: float,
        *,
        max_backoff: float | None = None,
        first_delay: float = 0.0,
    ) -> None:
        self._name = name
        self._action = action
        self._interval = interval
        self._max_backoff = max(interval, max_backoff if max_backoff is not None else interval)
        self._first_delay = first_delay
        self._failures = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; does nothing when it is running in this process already."""
        if self._thread is not None and self._thread.is_alive():
            return
        # A fresh event: one copied by a fork may hold a lock that a dead thread never gives back.
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stopping,), name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End; waits at most ``timeout`` seconds for a run in progress."""
        thread, self._thread = self._thread, None
        self._stopping.set()
        if thread is not None and thread.is_alive():
            thread.join(timeout)

    def _run(self, stopping: threading.Event) -> None:
        pause = self._first_delay
        while not stopping.wait(pause):
            pause = self._run_once()

    def _run_once(self) -> float:
        """Run the action; return how long to pause."""
        try:
            self._action()
        except Exception as error:  # noqa: BLE001  # the thread's outermost border: a dead feed would hide revocations
            return self._note_failure(error)
        if self._failures:
            log.warning("%s works again after %d failures", self._name, self._failures)
            self._failures = 0
        return self._interval

    def _note_failure(self, error: Exception) -> float:
        self._failures += 1
        planned = isinstance(error, OidcAuthError)
        if self._failures == 1 or not planned:
            told = f"{error} — {error.hint}" if isinstance(error, OidcAuthError) else error
            log.error("%s failed and goes on trying: %s", self._name, told, exc_info=None if planned else error)
        return float(min(self._interval * 2 ** min(self._failures, 16), self._max_backoff))
