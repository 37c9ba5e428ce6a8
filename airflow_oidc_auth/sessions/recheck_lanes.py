"""Threads for the re-checks of one IdP: its sign-ins have their own, and a hung IdP holds nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait


class Lane:
    """A few threads and what waits for them; nothing waits twice.

    :param workers: re-checks at once
    """

    def __init__(self, name: str, workers: int) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix=f"oidc-auth-recheck-{name}")
        self._lock = threading.Lock()
        self._futures: dict[str, Future[object]] = {}

    def __len__(self) -> int:
        return len(self._futures)

    def offer(self, key: str, call: Callable[[], object]) -> bool:
        """Begin a call as soon as a thread is free, unless one of this key waits or runs."""
        with self._lock:
            if key in self._futures:
                return False
            try:
                future = self._executor.submit(call)
            except RuntimeError:  # closed
                return False
            self._futures[key] = future
        # Outside the lock: a call that has finished already calls back here and now.
        future.add_done_callback(lambda _: self._finished(key))
        return True

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing runs or waits, at most so many seconds."""
        with self._lock:
            futures = list(self._futures.values())
        wait(futures, timeout)

    def close(self, timeout: float) -> None:
        """Drop what waits, and give what runs so many seconds."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.wait(timeout)

    def _finished(self, key: str) -> None:
        with self._lock:
            self._futures.pop(key, None)
