"""Whoever is not signed in can write to the log, but not fill it."""

from __future__ import annotations

import logging

import pytest

from airflow_oidc_auth.login.sparing_log import MAX_KINDS, MOST, WINDOW, SparingLog

log = logging.getLogger("airflow_oidc_auth.tests.sparing")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_flood_writes_few_lines_and_the_next_window_says_how_many_there_were(caplog, clock):
    sparing = SparingLog(log, monotonic=clock)
    for number in range(5000):
        sparing.warning("state_mismatch", "refused: number=%d", number)
    assert len(caplog.records) == MOST + 1
    assert caplog.messages[0] == "refused: number=0"
    clock.now += WINDOW
    sparing.warning("state_mismatch", "refused: number=%d", 5000)
    assert caplog.messages[-2:] == [f"state_mismatch: {5000 - MOST} more were not written", "refused: number=5000"]


def test_a_flood_of_one_kind_hides_no_other(caplog, clock):
    sparing = SparingLog(log, monotonic=clock)
    for _ in range(1000):
        sparing.warning("state_mismatch", "refused")
    sparing.warning("session_store_unavailable", "the database is away")
    assert caplog.messages[-1] == "the database is away"


def test_as_many_kinds_as_somebody_likes_take_no_more_room(caplog, clock):
    sparing = SparingLog(log, monotonic=clock)
    for number in range(5000):
        sparing.warning(f"kind-{number}", "refused")
    assert len(caplog.records) <= MAX_KINDS + MOST + 1


def test_a_line_names_the_place_that_wrote_it(caplog, clock):
    SparingLog(log, monotonic=clock).warning("code", "refused")
    assert caplog.records[0].filename == "test_sparing_log.py"
