from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.cached_document import CachedDocument
from tests.unit.providers.making import Clock


class Source:
    """Counts fetches; fails when told."""

    def __init__(self) -> None:
        self.fetched, self.down = 0, False

    def __call__(self) -> int:
        self.fetched += 1
        if self.down:
            raise ProviderError("provider_unreachable", "down")
        return self.fetched


def build(source: Callable[[], int], clock: Clock) -> CachedDocument[int]:
    return CachedDocument(source, clock, spawn=lambda work: work())


def test_fetches_once_and_refreshes_when_old() -> None:
    source, clock = Source(), Clock()
    cached = build(source, clock)
    assert (cached.peek(), cached.get(), cached.get(), cached.peek()) == (None, 1, 1, 1)
    clock.now += 3600
    # the caller who notices does not wait for the refresh
    assert (cached.get(), cached.get()) == (1, 2)


def test_keeps_the_old_value_while_the_idp_is_down_and_does_not_insist() -> None:
    source, clock = Source(), Clock()
    cached = build(source, clock)
    cached.get()
    clock.now += 3600
    source.down = True
    assert [cached.get() for _ in range(5)] == [1] * 5
    assert source.fetched == 2
    clock.now += 60
    source.down = False
    assert (cached.get(), cached.get()) == (1, 3)


def test_repeats_a_first_failure_for_a_moment_without_asking_again() -> None:
    source, clock = Source(), Clock()
    source.down = True
    cached = build(source, clock)
    for _ in range(3):
        with pytest.raises(ProviderError, match="provider_unreachable"):
            cached.get()
    assert source.fetched == 1
    clock.now += 3
    source.down = False
    assert cached.get() == 2


def test_only_one_thread_makes_the_first_fetch() -> None:
    source = Source()

    def slow() -> int:
        time.sleep(0.05)
        return source()

    cached = build(slow, Clock())
    threads = [threading.Thread(target=cached.get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.fetched == 1


def test_an_unplanned_error_in_the_background_does_not_end_refreshing() -> None:
    clock, values = Clock(), iter([1])
    cached = build(lambda: next(values), clock)
    cached.get()
    clock.now += 3600
    with pytest.raises(StopIteration):
        cached.get()
    clock.now += 60
    with pytest.raises(StopIteration):
        cached.get()
