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
        future = self.submit(fn, *args)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._deadline)
        except (TimeoutError, asyncio.TimeoutError):
            raise self._too_late() from None

    async def wait(self, future: Future[T]) -> T:
        """Await a call begun with :meth:`submit`; a caller that is cancelled does not cancel it for the others.

        :raises ProviderError: ``provider_timeout``
        """
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), self._deadline)
        except (TimeoutError, asyncio.TimeoutError):
            raise self._too_late() from None

    def begin(self, fn: Callable[..., object], *args: object) -> None:
        """Begin ``fn(*args)`` and let nobody wait for it; dropped when the queue is full."""
        with contextlib.suppress(ProviderError):
            self.submit(fn, *args)

    def close(self) -> None:
        """Drop what is queued; do not wait for what runs."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def submit(self, fn: Callable[..., T], *args: object) -> Future[T]:
        """Begin ``fn(*args)``, for several to :meth:`wait` for.

        :raises ProviderError: ``provider_busy``
        """
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

    def _too_late(self) -> ProviderError:
        return ProviderError("provider_timeout", f"no result of {self.name} in {self._deadline:g} s")

    def _release(self, _future: object = None) -> None:
        with self._lock:
            self._taken -= 1
