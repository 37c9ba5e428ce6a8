"""A clock to turn by hand, and sessions to put somewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage.people import NOW, open_session


class Clock:
    """Time that passes when the test says so."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_session():
    store = MemorySessionStore()

    def make(number: int = 0, **changes: object) -> Session:
        return replace(open_session(store), id=f"{number:022d}", **changes)

    return make
