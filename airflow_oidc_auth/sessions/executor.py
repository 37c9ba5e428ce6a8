"""The store's own few threads.

The event loop must not wait for the database, and Starlette's 40 threads serve Airflow's own routes: a slow
database would take them all with one wave of sign-ins.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from airflow_oidc_auth.errors import SessionError

T = TypeVar("T")


class StoreExecutor:
    """A bounded thread pool; what does not fit is refused at once instead of piling up.

    Its threads begin with the first call, so a fork before that is harmless; after a fork it begins anew.

    :param workers: threads
    :param waiting: calls that may wait for a thread
    :param timeout: seconds after which a caller stops waiting; the call itself runs to its end
    """

    def __init__(self, *, workers: int = 4, waiting: int = 128, timeout: float = 10.0) -> None:
        self._workers = workers
        self._limit = workers + waiting
        self._timeout = timeout
        self._pool: ThreadPoolExecutor | None = None
        self._reset()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Begin a call.

        :raises SessionError: ``session_store_busy``
        """
        if self._pid != os.getpid():
            self._reset()
        with self._lock:
            if self._pending >= self._limit:
                raise SessionError("session_store_busy", f"{self._pending} calls are waiting for the session store")
            self._pending += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="oidc-auth-store")
            pool = self._pool
        try:
            future = pool.submit(call)
        except BaseException:
            self._finished(None)
            raise
        future.add_done_callback(self._finished)
        return future

    async def wait(self, future: Future[T]) -> T:
        """Await a call begun with :meth:`submit`; a caller that is cancelled does not cancel it for the others.

        :raises SessionError: ``session_store_unavailable`` after the timeout, or what the call raises
        """
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), self._timeout)
        except asyncio.TimeoutError:
            detail = f"no answer from the session store within {self._timeout:g} s"
            raise SessionError("session_store_unavailable", detail) from None

    async def run(self, function: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Begin a call and await it."""
        return await self.wait(self.submit(partial(function, *args, **kwargs)))

    def close(self) -> None:
        """Begin no further call of those that wait; a later :meth:`submit` opens the pool again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._pending = 0
        self._pool = None

    def _finished(self, _: object) -> None:
        with self._lock:
            self._pending -= 1
