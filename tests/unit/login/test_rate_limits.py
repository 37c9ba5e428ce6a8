from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_oidc_auth.config.compiled import RateLimitSettings
from airflow_oidc_auth.login import rate_counters
from airflow_oidc_auth.login.rate_counters import MemoryCounter, probe_store
from airflow_oidc_auth.login.rate_limits import KeptRateLimits, RateLimited, RateLimits, network_of
from airflow_oidc_auth.secret import Secret

ATTACKER, SOMEBODY = "198.51.100.7", "203.0.113.5"


class Watch:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def limits_of(watch: Watch, namespace: str = "https://airflow.example", **settings: object) -> RateLimits:
    return RateLimits(RateLimitSettings(**settings), namespace, watch)


def tries(limits: RateLimits, number: int, address: str | None = ATTACKER, principal: str = "", kind="token"):
    """Return what each of so many tries was told: seconds to wait, 0 for go on."""

    async def run() -> list[int]:
        return [await one() for _ in range(number)]

    async def one() -> int:
        try:
            await limits.check(kind, address, principal)
        except RateLimited as limited:
            return limited.retry_after
        return 0

    return asyncio.run(run())


def test_the_thirty_first_try_of_a_minute_waits_for_its_end(watch: Watch):
    limits = limits_of(watch)
    assert tries(limits, 30) == [0] * 30
    watch.now += 20.5
    assert tries(limits, 2) == [40, 40]


def test_tries_while_one_waits_do_not_make_the_wait_longer(watch: Watch):
    limits = limits_of(watch)
    tries(limits, 500)
    watch.now += 60
    assert tries(limits, 1) == [0]


def test_another_address_is_not_affected(watch: Watch):
    limits = limits_of(watch)
    assert tries(limits, 100)[-1]
    assert tries(limits, 30, SOMEBODY) == [0] * 30


def test_trying_a_name_from_one_address_locks_nobody_out_of_that_name_elsewhere(watch: Watch):
    limits = limits_of(watch, principal="5/minute")
    assert tries(limits, 6, ATTACKER, "ada", "principal")[-1]
    assert tries(limits, 5, SOMEBODY, "ada", "principal") == [0] * 5
    assert tries(limits, 5, ATTACKER, "bob", "principal") == [0] * 5


def test_each_kind_of_try_has_a_limit_of_its_own(watch: Watch):
    limits = limits_of(watch, token="1/minute", login="1/minute")
    assert tries(limits, 2, kind="token") == [0, 60]
    assert tries(limits, 2, kind="login") == [0, 60]


def test_what_was_in_order_is_taken_back_and_what_lasts_counts_while_it_lasts(watch: Watch):
    limits = limits_of(watch, bearer="2/minute")
    first = limits.begin("bearer", ATTACKER)
    limits.begin("bearer", ATTACKER)
    with pytest.raises(RateLimited) as caught:
        limits.begin("bearer", ATTACKER)
    assert caught.value.retry_after == 60
    limits.begin("bearer", SOMEBODY)
    watch.now += 60
    first()  # of a window that is over
    kept = [limits.begin("bearer", ATTACKER) for _ in range(2)]
    for take_back in kept:
        take_back()
    assert len(limits._memory["bearer"]) == 0
    limits.begin("bearer", ATTACKER)


@pytest.mark.parametrize(
    "address, network",
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
        ("198.51.100.7, 203.0.113.5", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_client_is_an_address_or_a_network_of_64_bits(address: str | None, network: str):
    assert network_of(address) == network


def test_addresses_of_one_ipv6_network_share_a_limit(watch: Watch):
    limits = limits_of(watch, token="3/minute")
    assert [tries(limits, 1, f"2001:db8::{number:x}")[0] for number in range(4)] == [0, 0, 0, 60]
    assert tries(limits, 1, "2001:db8:0:1::1") == [0]


def test_a_principal_cannot_be_named_so_that_it_counts_as_somebody_else(watch: Watch):
    limits = limits_of(watch, principal="1/minute")
    assert tries(limits, 1, ATTACKER, "ada", "principal") == [0]
    assert tries(limits, 1, ATTACKER, "ada/1/1/minute", "principal") == [0]
    assert tries(limits, 1, "", ATTACKER + "ada", "principal") == [0]


def test_a_flood_of_addresses_takes_bounded_memory():
    watch = Watch()
    counter = MemoryCounter(60, watch, max_windows=1000)
    for number in range(50_000):
        counter.hit(f"key {number}")
        watch.now += 0.0001
    assert len(counter) == 1000


def test_a_flood_of_addresses_costs_each_try_no_more_than_a_few_do():
    def cost(tries):
        counter = MemoryCounter(60, time.monotonic)
        began = time.thread_time()
        for number in range(tries):
            counter.hit(f"key {number}")
        return time.thread_time() - began

    # A search through all windows at each try would be a hundred times as much.
    assert cost(100_000) < 40 * cost(10_000)


def test_windows_that_ended_are_forgotten(watch: Watch):
    counter = MemoryCounter(60, watch)
    for number in range(100):
        counter.hit(f"key {number}")
    watch.now += 60
    assert counter.hit("another").number == 1
    assert len(counter) == 1


def test_the_count_agrees_with_one_that_forgets_nothing():
    for seed in range(20):
        chance, watch = random.Random(seed), Watch()
        counter, windows = MemoryCounter(10, watch), {}
        for _ in range(300):
            watch.now += chance.choice([0, 0.5, 3])
            key = chance.choice("abcdef")
            number, end = windows.get(key, (0, 0.0))
            windows[key] = (number + 1, end) if watch.now < end else (1, watch.now + 10)
            count = counter.hit(key)
            assert (count.number, count.seconds_left) == (windows[key][0], windows[key][1] - watch.now)


def test_a_flood_is_one_line_in_the_log(watch: Watch, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        tries(limits_of(watch), 500)
    assert [record.getMessage() for record in caplog.records] == [
        f"rate_limited limit=token address={ATTACKER} for 60 s"
    ]


def test_a_reload_keeps_the_counts_unless_it_changes_the_limits():
    kept = KeptRateLimits("https://airflow.example")
    first = kept.of(RateLimitSettings(storage=Secret("redis://127.0.0.1:1")))
    assert kept.of(RateLimitSettings(storage=Secret("redis://127.0.0.1:1"))) is first
    other = kept.of(RateLimitSettings(token="5/minute"))
    assert other is not first
    assert tries(other, 6)[-1]


class Redis:
    """A real redis-server that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = Secret(f"redis://:not-so-secret@127.0.0.1:{self.port}/0")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
            *("--appendonly", "no", "--requirepass", "not-so-secret", "--dir", str(self._folder)),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < limit, "redis-server did not start"
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        assert not os.environ.get("CI"), "CI must have redis-server: .ci/run installs it"
        pytest.skip("redis-server is not installed")
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@contextmanager
def opened(*all_limits: RateLimits) -> Iterator[None]:
    yield
    for limits in all_limits:
        limits.close()


def test_two_servers_count_together(redis: Redis, watch: Watch):
    one, two = (limits_of(watch, token="5/minute", storage=redis.uri) for _ in range(2))
    with opened(one, two):
        assert tries(one, 3) + tries(two, 2) == [0] * 5
        assert 50 <= tries(two, 1)[0] <= 60
        assert 50 <= tries(one, 1)[0] <= 60
        assert tries(two, 1, SOMEBODY) == [0]
        assert one.health() == {"rate_limits": "shared"}


def test_two_airflows_in_one_store_do_not_count_each_other(redis: Redis, watch: Watch):
    one = limits_of(watch, "https://one.example", token="1/minute", storage=redis.uri)
    two = limits_of(watch, "https://two.example", token="1/minute", storage=redis.uri)
    with opened(one, two):
        assert tries(one, 1) + tries(two, 1) == [0, 0]


def test_the_store_learns_no_addresses_and_no_names_and_forgets(redis: Redis, watch: Watch):
    import redis as client

    limits = limits_of(watch, storage=redis.uri)
    with opened(limits), client.Redis.from_url(redis.uri.reveal(), decode_responses=True) as store:
        tries(limits, 1, ATTACKER, "ada", "principal")
        (key,) = store.keys()
        assert ATTACKER not in key
        assert "ada" not in key
        assert 0 < store.ttl(key) <= 60


def test_a_store_that_goes_away_opens_nothing(redis: Redis, watch: Watch, caplog: pytest.LogCaptureFixture):
    limits = limits_of(watch, token="5/minute", storage=redis.uri)
    with opened(limits), caplog.at_level(logging.WARNING, "airflow_oidc_auth"):
        assert tries(limits, 3) == [0] * 3
        redis.stop()
        # What was counted before counts still.
        assert [bool(wait) for wait in tries(limits, 3)] == [False, False, True]
        assert tries(limits, 5, SOMEBODY) == [0] * 5
        assert tries(limits, 1, SOMEBODY) == [60]
        assert limits.health() == {"rate_limits": "shared_failing"}
    failing = [record.getMessage() for record in caplog.records if "shared store" in record.getMessage()]
    assert len(failing) == 1
    assert "not-so-secret" not in caplog.text


def test_a_store_that_comes_back_counts_again(redis: Redis, watch: Watch, caplog: pytest.LogCaptureFixture):
    one, two = (limits_of(watch, token="2/minute", storage=redis.uri) for _ in range(2))
    redis.stop()
    with opened(one, two), caplog.at_level(logging.WARNING, "airflow_oidc_auth"):
        assert tries(one, 1) == [0]
        redis.start()
        watch.now += rate_counters.SHARED_PAUSE
        assert tries(one, 1, SOMEBODY) + tries(two, 2, SOMEBODY)[:1] == [0, 0]
        assert tries(two, 1, SOMEBODY)[0]
        assert one.health() == {"rate_limits": "shared"}
    assert "is back" in caplog.text


def test_the_check_of_a_store_names_what_is_wrong_and_no_secret(redis: Redis):
    assert probe_store(redis.uri) == ""
    assert probe_store(Secret(redis.uri.reveal().replace("not-so-secret", "guessed"))) == "AuthenticationError"
    redis.stop()
    assert probe_store(redis.uri) == "ConnectionError"


def test_a_wrong_password_for_the_store_is_a_failing_store(redis: Redis, watch: Watch):
    wrong = Secret(redis.uri.reveal().replace("not-so-secret", "guessed"))
    limits = limits_of(watch, token="1/minute", storage=wrong)
    with opened(limits):
        assert tries(limits, 2) == [0, 60]
        assert limits.health() == {"rate_limits": "shared_failing"}


@pytest.fixture
def silent_server() -> Iterator[Secret]:
    """Accept connections and never answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield Secret(f"redis://127.0.0.1:{listening.getsockname()[1]}")


def test_a_store_that_hangs_costs_one_request_half_a_second_and_the_event_loop_nothing(
    silent_server: Secret, watch: Watch
):
    limits = limits_of(watch, token="1000/minute", storage=silent_server)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async def run() -> tuple[int, float]:
        ticking = asyncio.create_task(tick())
        began = time.perf_counter()
        await asyncio.gather(*(limits.check("token", ATTACKER) for _ in range(50)))
        meanwhile = ticks
        for _ in range(50):
            await limits.check("token", ATTACKER)
        ticking.cancel()
        return meanwhile, time.perf_counter() - began

    with opened(limits):
        meanwhile, took = asyncio.run(run())
    # Half a second for each would be a hundred times as much; a blocked loop ticks once.
    assert took < 20 * rate_counters.SHARED_TIMEOUT
    assert meanwhile > 5


def test_a_store_that_answers_nonsense_is_a_failing_store(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    class Nonsense:
        def incr(self, key: str, expiry: int) -> object:
            return {"a": "b"}

    monkeypatch.setattr(rate_counters, "_open", lambda uri: Nonsense())
    limits = limits_of(watch, token="1/minute", storage=Secret("redis://unused"))
    with opened(limits):
        assert tries(limits, 2) == [0, 60]
        assert limits.health() == {"rate_limits": "shared_failing"}


def test_a_store_cannot_make_anybody_wait_longer_than_the_window(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    class Forever:
        def incr(self, key: str, expiry: int) -> int:
            return 10**9

        def get_expiry(self, key: str) -> float:
            return time.time() + 10**9

    monkeypatch.setattr(rate_counters, "_open", lambda uri: Forever())
    limits = limits_of(watch, storage=Secret("redis://unused"))
    with opened(limits):
        assert tries(limits, 1) == [60]


def test_the_address_of_the_store_is_in_no_representation(watch: Watch):
    limits = limits_of(watch, storage=Secret("redis://:not-so-secret@127.0.0.1:1"))
    with opened(limits):
        assert "not-so-secret" not in repr(limits.settings) + repr(vars(limits))
