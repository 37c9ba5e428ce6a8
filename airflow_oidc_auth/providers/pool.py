"""Threads for one IdP: a hung IdP empties its own pool and nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from airflow_oidc_auth.errors import ProviderError

T = TypeVar("T")


class ProviderPool:
    """Run blocking calls to one IdP off the event loop.

    :param name: id of the provider, in thread names
    :param workers: calls at once
    :param waiting: calls that may queue behind them; more are refused at once
    :param deadline: seconds that a caller waits for a result, queueing included
    """

    def __init__(self, name: str, workers: int = 4, waiting: int = 32, deadline: float = 30.0) -> None:
        self.name = name
        self._limit = workers + waiting
        self._deadline = deadline
        self._taken = 0
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix=f"oidc-{name}")

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Await ``fn(*args)``.

        A call that has begun is not interrupted when the deadline passes or the caller goes away; its own
        HTTP timeouts end it, and it keeps its place until then.

        :raises ProviderError: ``provider_busy`` (queue full), ``provider_timeout`` (deadline)
        """
        future = self._submit(fn, *args)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._deadline)
        except (TimeoutError, asyncio.TimeoutError):
            raise ProviderError("provider_timeout", f"no result of {self.name} in {self._deadline:g} s") from None

    def begin(self, fn: Callable[..., object], *args: object) -> None:
        """Begin ``fn(*args)`` and let nobody wait for it; dropped when the queue is full."""
        with contextlib.suppress(ProviderError):
            self._submit(fn, *args)

    def close(self) -> None:
        """Drop what is queued; do not wait for what runs."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _submit(self, fn: Callable[..., T], *args: object) -> Future[T]:
        with self._lock:
            if self._taken >= self._limit:
                raise ProviderError("provider_busy", f"{self._taken} calls to {self.name} are waiting")
            self._taken += 1
        try:
            future = self._executor.submit(fn, *args)
        except RuntimeError:  # closed
            self._release()
            raise ProviderError("provider_busy", f"{self.name} is shutting down") from None
        future.add_done_callback(self._release)
        return future

    def _release(self, _future: object = None) -> None:
        with self._lock:
            self._taken -= 1
