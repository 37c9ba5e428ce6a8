from __future__ import annotations

import asyncio
import threading

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.executor import StoreExecutor


def test_runs_off_the_event_loop_on_threads_of_its_own():
    executor = StoreExecutor()
    names = {asyncio.run(executor.run(lambda: threading.current_thread().name)) for _ in range(3)}
    executor.close()
    assert all(name.startswith("oidc-auth-store") for name in names)


def test_refuses_what_does_not_fit():
    executor = StoreExecutor(workers=1, waiting=1)
    release = threading.Event()
    running = [executor.submit(release.wait) for _ in range(2)]
    with pytest.raises(SessionError) as caught:
        executor.submit(release.wait)
    assert (caught.value.code, caught.value.status) == ("session_store_busy", 503)
    release.set()
    assert [future.result(5) for future in running] == [True, True]
    executor.submit(release.wait).result(5)
    executor.close()


def test_a_caller_does_not_wait_for_ever():
    executor = StoreExecutor(timeout=0.02)
    release = threading.Event()
    with pytest.raises(SessionError) as caught:
        asyncio.run(executor.run(release.wait))
    assert caught.value.code == "session_store_unavailable"
    release.set()
    executor.close()


def test_one_cancelled_caller_does_not_cancel_the_waiting_call_of_the_others():
    executor = StoreExecutor(workers=1)
    release = threading.Event()

    async def scene() -> str:
        executor.submit(lambda: release.wait(5))
        future = executor.submit(lambda: "answer")
        first, second = (asyncio.ensure_future(executor.wait(future)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        release.set()
        return await second

    assert asyncio.run(scene()) == "answer"
    executor.close()


def test_errors_reach_the_caller_and_free_the_place():
    executor = StoreExecutor(workers=1, waiting=0)

    def fail() -> None:
        raise SessionError("session_store_unavailable")

    for _ in range(5):
        with pytest.raises(SessionError, match="session_store_unavailable"):
            asyncio.run(executor.run(fail))
    executor.close()


def test_opens_again_after_close():
    executor = StoreExecutor()
    executor.close()
    assert asyncio.run(executor.run(lambda: 7)) == 7
    executor.close()
