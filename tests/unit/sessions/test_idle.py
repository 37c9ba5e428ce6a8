from __future__ import annotations

import pytest

from airflow_oidc_auth.sessions import idle
from airflow_oidc_auth.sessions.idle import GRACE, IdleSweeper
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage.people import NOW, open_session

TIMEOUT = 600


@pytest.fixture
def store() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def told() -> list:
    return []


@pytest.fixture
def sweeper(store, clock, told):
    live = LiveSessions(store, clock=clock, monotonic=clock)
    yield IdleSweeper(
        live,
        lambda: TIMEOUT,
        lambda ended, reason: told.extend((each.session.id, reason) for each in ended),
        clock=clock,
    )
    live.stop()


def test_ends_who_was_idle_for_too_long_and_says_so(sweeper, store, clock, told):
    session, busy = open_session(store), open_session(store, "bob")
    clock.advance(TIMEOUT + GRACE)
    store.touch({busy.id: NOW + TIMEOUT})
    assert sweeper.sweep() == 0
    clock.advance(1)
    assert sweeper.sweep() == 1
    assert told == [(session.id, "idle_timeout")]
    assert [each.id for each in store.list_sessions(now=int(clock.now))] == [busy.id]
    assert sweeper.sweep() == 0


def test_without_a_timeout_nobody_is_idle(store, clock, told):
    sweeper = IdleSweeper(LiveSessions(store, clock=clock), lambda: None, lambda *_: told.append(1), clock=clock)
    open_session(store, lifetime=10**6)
    clock.advance(10**5)
    assert sweeper.sweep() == 0
    assert len(store.list_sessions(now=int(clock.now))) == 1


def test_writes_its_own_activity_first(store, clock, told):
    session = open_session(store)
    live = LiveSessions(store, clock=clock)
    sweeper = IdleSweeper(
        live,
        lambda: TIMEOUT,
        lambda *_: None,
        before=lambda: store.touch({session.id: int(clock.now)}),
        clock=clock,
    )
    clock.advance(TIMEOUT + GRACE + 1)
    assert sweeper.sweep() == 0


def test_who_comes_back_while_it_looks_stays(sweeper, store, clock, told, monkeypatch):
    session = open_session(store)
    clock.advance(TIMEOUT + GRACE + 1)
    look = store.idle_sessions

    def come_back(**asked):
        found = look(**asked)
        store.touch({session.id: int(clock.now)})
        return found

    monkeypatch.setattr(store, "idle_sessions", come_back)
    assert sweeper.sweep() == 0
    assert told == []


def test_ends_any_number_in_portions(sweeper, store, clock, told, monkeypatch):
    monkeypatch.setattr(idle, "AT_ONCE", 10)
    for _ in range(35):
        open_session(store)
    clock.advance(TIMEOUT + GRACE + 1)
    assert sweeper.sweep() == 35
    assert len(told) == 35
