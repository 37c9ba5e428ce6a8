"""A server that cannot hear which sessions have ended lets nobody in, and opens by itself."""

from __future__ import annotations

import logging

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.managers.freshness import Freshness


class Feed:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_closes_after_half_a_minute_and_opens_again_each_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    feed = Feed()
    freshness = Freshness(feed)
    for feed.seconds in (0.0, 5.0, 29.9):
        freshness.check()
    assert caplog.records == []
    for feed.seconds in (30.0, 31.0, 500.0):
        with pytest.raises(SessionError) as caught:
            freshness.check()
        assert (caught.value.code, caught.value.status) == ("revocations_stale", 503)
        assert freshness.is_stale
    feed.seconds = 0.5
    freshness.check()
    freshness.check()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "revocations_stale" in caplog.text
