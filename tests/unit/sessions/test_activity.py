from __future__ import annotations

import threading

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions import activity as limits
from airflow_oidc_auth.sessions.activity import Activity
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage.people import NOW, open_session

A, B = "A" * 22, "B" * 22


@pytest.fixture
def store() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def activity(store, clock) -> Activity:
    return Activity(store, clock=clock)


def test_what_a_page_polls_is_activity_once(activity, clock):
    assert activity.note(A, "/api/v2/dagRuns", "GET")
    for _ in range(24 * 360):
        clock.advance(10)
        assert not activity.note(A, "/api/v2/dagRuns", "GET")
    assert activity.last_seen(A) == NOW


@pytest.mark.parametrize(("pause", "active"), [(899, False), (900, True)])
def test_a_path_is_new_again_after_a_quarter_of_an_hour(activity, clock, pause, active):
    activity.note(A, "/dags", "GET")
    clock.advance(pause)
    assert activity.note(A, "/dags", "GET") is active


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "TRACE", "post"])
def test_whatever_may_change_something_is_activity_every_time(activity, clock, method):
    activity.note(A, "/dags", "GET")
    for _ in range(3):
        clock.advance(10)
        assert activity.note(A, "/dags", method)
        assert activity.last_seen(A) == clock.now


def test_opening_a_page_is_activity_every_time_and_what_it_polls_then_is_not(activity):
    for _ in range(2):
        assert activity.note(A, "/dags", "GET", navigation=True)
    assert not activity.note(A, "/dags", "GET")


def test_sessions_are_judged_by_themselves(activity):
    activity.note(A, "/dags", "GET")
    assert activity.note(B, "/dags", "GET")
    assert activity.last_seen("C" * 22) is None


def test_is_written_once_to_ten_seconds(activity, store, clock):
    session = open_session(store)
    clock.advance(67)
    activity.note(session.id, "/dags", "POST")
    activity.flush()
    assert store.load(session.id, now=NOW).seen_at == NOW + 60
    store.down = True
    activity.flush()
    clock.advance(1)
    activity.note(session.id, "/dags", "POST")
    activity.flush()


def test_what_could_not_be_written_is_written_later_and_never_over_newer(activity, store, clock):
    sessions = [open_session(store) for _ in range(2)]
    clock.advance(10)
    for session in sessions:
        activity.note(session.id, "/dags", "POST")
    store.down = True
    with pytest.raises(SessionError):
        activity.flush()
    clock.advance(10)
    activity.note(sessions[0].id, "/dags", "POST")
    store.down = False
    activity.flush()
    assert [store.load(session.id, now=NOW).seen_at for session in sessions] == [NOW + 20, NOW + 10]


def test_memory_is_bounded_whatever_somebody_asks_for(activity, monkeypatch):
    monkeypatch.setattr(limits, "MAX_PATHS", 1_000)
    monkeypatch.setattr(limits, "MAX_SESSIONS", 50)
    monkeypatch.setattr(limits, "PATHS_OF_A_SESSION", 100)
    for number in range(5_000):
        activity.note(A, f"/{number}", "GET")
    for number in range(200):
        activity.note(f"{number:022d}", "/dags", "GET")
        activity.note(A, "/4999", "GET")
    assert len(activity._paths) <= 50
    assert activity._count == sum(map(len, activity._paths.values())) <= 1_000
    assert len(activity._last) <= 50
    assert not activity.note(A, "/4999", "GET"), "a busy session was forgotten before the silent ones"


def test_a_session_that_asks_for_much_does_not_push_out_what_others_poll(activity, monkeypatch):
    monkeypatch.setattr(limits, "MAX_PATHS", 1_000)
    monkeypatch.setattr(limits, "PATHS_OF_A_SESSION", 100)
    activity.note(B, "/dags", "GET")
    for number in range(5_000):
        activity.note(A, f"/{number}", "GET")
    assert not activity.note(B, "/dags", "GET")


def test_writes_by_itself_and_once_more_at_the_end(store, clock):
    activity = Activity(store, clock=clock, interval=0.01)
    session = open_session(store)
    activity.start()
    clock.advance(10)
    activity.note(session.id, "/dags", "POST")
    for _ in range(1_000):
        if store.load(session.id, now=NOW).seen_at == NOW + 10:
            break
        threading.Event().wait(0.01)
    clock.advance(10)
    activity.note(session.id, "/dags", "POST")
    activity.stop()
    assert store.load(session.id, now=NOW).seen_at == NOW + 20
