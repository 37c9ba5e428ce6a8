"""Chance comes from the operating system."""

from __future__ import annotations

import random

from airflow_oidc_auth.sessions.schedule import chance


def test_chance_leaves_the_shared_generator_alone() -> None:
    random.seed(1)
    before = random.getstate()
    drawn = {chance() for _ in range(3)}
    assert random.getstate() == before
    assert len(drawn) == 3
    assert all(0 <= each < 1 for each in drawn)
