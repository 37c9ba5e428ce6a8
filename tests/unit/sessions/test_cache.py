from __future__ import annotations

from airflow_oidc_auth.sessions.cache import MAX_DROPPED, SessionCache
from tests.storage.people import HOUR, NOW


def test_returns_what_was_put_until_it_expires_by_the_clock(clock, make_session):
    cache = SessionCache(clock=clock)
    session = make_session(1)
    cache.put(session)
    clock.now = NOW + HOUR - 0.001
    assert cache.get(session.id) is session
    clock.now = NOW + HOUR
    assert cache.get(session.id) is None


def test_forgets_at_once(clock, make_session):
    cache = SessionCache(clock=clock)
    session = make_session(1)
    cache.put(session)
    cache.drop(session.id)
    cache.drop(session.id)
    assert cache.get(session.id) is None


def test_drops_expired_sessions_first_then_the_oldest(clock, make_session):
    cache = SessionCache(clock=clock, max_sessions=10)
    for number in range(10):
        cache.put(make_session(number, expires_at=NOW + (1 if number in {4, 7} else HOUR)))
    clock.advance(2)
    cache.put(make_session(10))
    assert len(cache) == 9
    for number in range(11, 30):
        cache.put(make_session(number))
        assert len(cache) <= 10
    assert cache.get(make_session(29).id) is not None
    assert cache.get(make_session(0).id) is None


def test_remembers_unknown_ids_briefly_and_few_of_them(clock):
    cache = SessionCache(clock=clock, max_absent=3, absent_for=5.0)
    for name in "abcd":
        cache.put_absent(name)
    assert [cache.is_absent(name) for name in "abcd"] == [False, True, True, True]
    clock.advance(5)
    assert not cache.is_absent("d")
    cache.drop_expired()


def test_a_session_that_appears_is_no_longer_absent(clock, make_session):
    cache = SessionCache(clock=clock)
    session = make_session(1)
    cache.put_absent(session.id)
    cache.put(session)
    assert not cache.is_absent(session.id)
    cache.put_absent(session.id)
    assert cache.get(session.id) is None


def test_gives_back_memory(clock, make_session):
    cache = SessionCache(clock=clock)
    cache.put(make_session(1))
    clock.advance(HOUR)
    cache.drop_expired()
    assert len(cache) == 0


def test_what_was_read_before_a_change_does_not_come_back(clock, make_session):
    cache = SessionCache(clock=clock)
    old, other = make_session(1), make_session(2)
    mark = cache.mark()
    cache.drop(old.id)
    cache.put_read(old, mark)
    cache.put_read(other, mark)
    assert cache.get(old.id) is None
    assert cache.get(other.id) is other
    cache.put_read(old, cache.mark())
    assert cache.get(old.id) is old


def test_a_reader_so_slow_that_the_change_is_forgotten_brings_nothing_back(clock, make_session):
    cache = SessionCache(clock=clock)
    old = make_session(1)
    mark = cache.mark()
    cache.drop(old.id)
    for number in range(2 * MAX_DROPPED):
        cache.drop(f"other-{number}")
    cache.put_read(old, mark)
    assert cache.get(old.id) is None
    assert len(cache._dropped) <= MAX_DROPPED
