from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.audit.window import MAX_KEYS, OTHERS, WINDOW, FailureWindow, network_of
from tests.unit.audit.records import failure


@pytest.fixture
def window() -> FailureWindow:
    return FailureWindow()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff::9", "2001:db8:1:200::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("::ffff:192.0.2.1", "192.0.2.0/24"),
        ("not an address", None),
        ("", None),
        (None, None),
    ],
)
def test_callers_of_one_network_count_as_one(address, network):
    assert network_of(address) == network


def test_the_first_failure_is_told_at_once_and_further_ones_as_a_count(window):
    first = failure(correlation_id="c-first")
    assert window.add(first, 0.0) == [first]
    for second in range(1, 50):
        assert window.add(failure(f"192.0.2.{second}", correlation_id=f"c-{second}"), float(second)) == []
    (summary,) = window.flush(WINDOW)
    assert (summary.count, summary.reason, summary.provider) == (49, "state_mismatch", "okta")
    assert (summary.client_address, summary.correlation_id) == ("192.0.2.0/24", "c-49")
    assert summary.detail == (("window_seconds", 60),)
    assert window.flush(float("inf")) == []


def test_one_failure_alone_makes_one_record(window):
    window.add(failure(), 0.0)
    assert window.flush(WINDOW) == []


def test_a_new_window_begins_with_a_record_again(window):
    window.add(failure(), 0.0)
    window.add(failure(), 1.0)
    later = failure()
    summary, told = window.add(later, WINDOW + 1)
    assert (summary.count, told) == (1, later)


def test_a_clock_set_back_does_not_silence_failures(window):
    window.add(failure(), 7_200.0)
    window.add(failure(), 7_201.0)
    later = failure()
    summary, told = window.add(later, 3_600.0)
    assert (summary.count, told) == (1, later)


def test_callers_a_little_out_of_order_are_one_window(window):
    window.add(failure(), 10.0)
    assert window.add(failure(), 9.9) == []


def test_ten_thousand_failures_from_everywhere_are_a_few_rows_and_little_memory(window):
    written = [
        told
        for n in range(10_000)
        for told in window.add(failure(f"198.{n % 100}.{n // 100}.7", provider=f"p{n % 7}"), n / 200)
    ]
    assert len(written) <= MAX_KEYS + 1
    assert sum(told.count for told in [*written, *window.flush(float("inf"))]) == 10_000


def test_kinds_are_counted_apart(window):
    kinds = [
        failure(),
        failure("198.51.100.1"),
        failure(reason="nonce_mismatch"),
        failure(provider="entra"),
        failure(None),
    ]
    assert [window.add(record, 0.0) for record in kinds] == [[record] for record in kinds]


def test_a_summary_names_no_person(window):
    window.add(failure(), 0.0)
    window.add(failure(owner="Ada", subject="ada", issuer="https://i", session_ref="s"), 1.0)
    (summary,) = window.flush(WINDOW)
    assert (summary.owner, summary.subject, summary.issuer, summary.session_ref) == ("anonymous", None, None, None)


def test_a_flood_from_everywhere_stays_bounded(window):
    written = []
    for number in range(20_000):
        address = f"{number % 223 + 1}.{number // 223 % 256}.{number % 251}.1"
        written += window.add(failure(address, reason=f"reason_{number % 17}"), number / 1_000)
    assert len(written) <= MAX_KEYS + 1
    assert len(window._counts) <= MAX_KEYS + 1
    summaries = window.flush(float("inf"))
    assert len(written) + sum(s.count for s in summaries) == 20_000
    (others,) = [s for s in summaries if s.reason == OTHERS]
    assert others.count > 19_000
    assert others.client_address is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 300)), max_size=80))
def test_no_failure_is_lost_or_told_twice(steps):
    window, now, told = FailureWindow(max_keys=2), 0.0, 0
    for kind, seconds in steps:
        now += seconds / 10
        told += sum(r.count for r in window.add(failure(reason=f"r{kind}"), now))
    told += sum(r.count for r in window.flush(float("inf")))
    assert told == len(steps)


def test_threads_lose_nothing(window):
    told = []

    def flood() -> None:
        for number in range(500):
            told.extend(window.add(failure(), number / 10))

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(r.count for r in [*told, *window.flush(float("inf"))]) == 2_000
