from __future__ import annotations

import asyncio
import threading

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.pool import ProviderPool


def test_runs_off_the_event_loop_and_returns_the_result() -> None:
    pool = ProviderPool("okta")
    name = asyncio.run(pool.run(lambda word: f"{word} {threading.current_thread().name}", "on"))
    pool.close()
    assert name.startswith("on oidc-okta")


def test_hands_errors_on() -> None:
    pool = ProviderPool("okta")
    with pytest.raises(ZeroDivisionError):
        asyncio.run(pool.run(lambda: 1 // 0))
    pool.close()


def test_refuses_at_once_what_does_not_fit_and_recovers() -> None:
    pool, gate = ProviderPool("okta", workers=1, waiting=1), threading.Event()

    async def flood() -> list[object]:
        calls = [asyncio.ensure_future(pool.run(gate.wait, 5)) for _ in range(3)]
        await asyncio.sleep(0.05)
        gate.set()
        return list(await asyncio.gather(*calls, return_exceptions=True))

    results = asyncio.run(flood())
    assert [getattr(result, "code", result) for result in results] == [True, True, "provider_busy"]
    assert asyncio.run(pool.run(lambda: "again")) == "again"
    pool.close()


def test_gives_up_waiting_at_the_deadline_but_keeps_the_place() -> None:
    pool, gate = ProviderPool("okta", workers=1, waiting=0, deadline=0.05), threading.Event()
    with pytest.raises(ProviderError, match="provider_timeout"):
        asyncio.run(pool.run(gate.wait, 5))
    with pytest.raises(ProviderError, match="provider_busy"):
        asyncio.run(pool.run(gate.wait, 5))
    gate.set()
    pool.close()


def test_a_queued_call_of_somebody_who_left_is_dropped() -> None:
    pool, gate, ran = ProviderPool("okta", workers=1, waiting=1), threading.Event(), []

    async def leave() -> None:
        first = asyncio.ensure_future(pool.run(gate.wait, 5))
        second = asyncio.ensure_future(pool.run(ran.append, 1))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.sleep(0.05)
        gate.set()
        await first

    asyncio.run(leave())
    asyncio.run(pool.run(lambda: None))
    pool.close()
    assert not ran


def test_is_busy_once_closed() -> None:
    pool = ProviderPool("okta")
    pool.close()
    with pytest.raises(ProviderError, match="provider_busy"):
        asyncio.run(pool.run(lambda: None))
