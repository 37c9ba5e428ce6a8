"""Threads for the re-checks of one IdP: its sign-ins have their own, and a hung IdP holds nobody else's."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# A server that is killed loses what its IdP is just rotating: more than one at a time only where one is too slow.
CALLS_PER_THREAD = 50


class Lane:
    """What waits for an IdP, and the threads that it takes; nothing waits twice.

    One thread, and another one for every fifty calls that wait.

    :param workers: threads at most
    """

    def __init__(self, name: str, workers: int) -> None:
        self._workers = workers
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix=f"oidc-auth-recheck-{name}")
        self._changed = threading.Condition()
        self._waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self._keys: set[str] = set()
        self._running = 0
        self._closed = False

    def offer(self, key: str, call: Callable[[], object]) -> bool:
        """Begin a call as soon as there is a thread for it, unless one of this key waits or runs.

        :param call: raises nothing
        """
        with self._changed:
            if key in self._keys or self._closed:
                return False
            self._keys.add(key)
            self._waiting.append((key, call))
            if self._running < min(self._workers, 1 + (len(self._waiting) - 1) // CALLS_PER_THREAD):
                self._running += 1
                self._executor.submit(self._work)
            return True

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing runs or waits, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout)

    def close(self, timeout: float) -> None:
        """Drop what waits, and give what runs so many seconds."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
        self.wait(timeout)
        self._executor.shutdown(wait=False)

    def _work(self) -> None:
        while (item := self._next()) is not None:
            key, call = item
            try:
                call()
            finally:
                with self._changed:
                    self._keys.discard(key)

    def _next(self) -> tuple[str, Callable[[], object]] | None:
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()
            self._running -= 1
            self._changed.notify_all()
            return None
