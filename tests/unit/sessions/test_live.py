from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.cache import SessionCache
from airflow_oidc_auth.sessions.live import CLEAN_UP_GRACE, TOKEN_GRACE, LiveSessions
from airflow_oidc_auth.sessions.session import DueSession, Recheck
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage.people import ADMIN, HOUR, NOW, VIEWER, open_session, sign_in


class WatchedStore(MemorySessionStore):
    """Counts the reads, and holds them while the gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.threads: set[str] = set()
        self.reading = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def load(self, session_id, *, now):
        self.loads.append(session_id)
        self.threads.add(threading.current_thread().name)
        answer = super().load(session_id, now=now)
        self.reading.set()
        self.gate.wait(5)
        return answer


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def servers(store, clock):
    """Two API servers with one database."""
    pair = [LiveSessions(store, clock=clock, monotonic=clock, cache=SessionCache(clock=clock)) for _ in range(2)]
    yield pair
    for server in pair:
        server.stop()


@pytest.fixture
def live(servers) -> LiveSessions:
    return servers[0]


def run(coroutine):
    return asyncio.run(coroutine)


def test_the_server_that_opened_a_session_never_reads_it(live, store):
    opened = run(live.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None))
    assert live.peek(opened.session.id) == opened.session
    assert run(live.load(opened.session.id)) == opened.session
    assert store.loads == []


def test_another_server_reads_it_once_on_a_thread_of_the_store(live, store):
    session = open_session(store)
    assert live.peek(session.id) is None
    assert [run(live.load(session.id)) for _ in range(3)] == [session] * 3
    assert live.peek(session.id) == session
    assert store.loads == [session.id]
    assert all(name.startswith("oidc-auth-store") for name in store.threads)


def test_callers_at_the_same_time_share_one_read(live, store):
    session = open_session(store)
    store.gate.clear()

    async def scene():
        waiting = [asyncio.ensure_future(live.load(session.id)) for _ in range(50)]
        await asyncio.sleep(0.05)
        store.gate.set()
        return await asyncio.gather(*waiting)

    assert run(scene()) == [session] * 50
    assert store.loads == [session.id]


def test_unknown_ids_do_not_hammer_the_store(live, store, clock):
    async def ask(count: int) -> None:
        for _ in range(count):
            assert await live.load("A" * 22) is None

    run(ask(100))
    assert len(store.loads) == 1
    clock.advance(6)
    run(ask(2))
    assert len(store.loads) == 2


@pytest.mark.parametrize("forged", ["", "x" * 10_000, "é" * 22, "A" * 21 + "\n"])
def test_what_has_not_the_shape_of_an_id_is_never_looked_up(live, store, forged):
    assert run(live.load(forged)) is None
    assert store.loads == []


def test_a_session_ends_by_the_clock_without_anybody_telling(live, clock):
    session = run(live.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None)).session
    clock.now = NOW + HOUR
    assert live.peek(session.id) is None
    assert run(live.load(session.id)) is None


def test_ending_counts_here_at_once_and_elsewhere_after_the_next_poll(servers):
    here, there = servers
    session = run(here.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None)).session
    assert run(there.load(session.id)) == session
    ended = run(here.end(session.id, reason="user_logout"))
    assert ended is not None
    assert ended.session == session
    assert here.peek(session.id) is None
    assert run(here.load(session.id)) is None
    assert there.peek(session.id) == session
    there.feed.poll()
    assert there.peek(session.id) is None
    assert run(there.load(session.id)) is None
    assert run(there.end(session.id, reason="user_logout")) is None


def test_a_read_that_began_before_the_end_does_not_bring_the_session_back(servers, store):
    here, there = servers
    session = open_session(store)
    store.gate.clear()

    async def scene():
        reading = asyncio.ensure_future(there.load(session.id))
        while not store.loads:  # noqa: ASYNC110  # another thread fills it
            await asyncio.sleep(0.005)
        here.end_now(session.id, reason="user_logout")
        there.feed.poll()
        store.gate.set()
        return await reading

    assert run(scene()) is None
    assert there.peek(session.id) is None
    assert run(there.load(session.id)) is None


def test_a_revoked_token_counts_here_at_once_and_elsewhere_after_the_next_poll(servers, clock):
    here, there = servers
    here.revoke_token("jti", expires_at=NOW + 10)
    assert here.is_token_revoked("jti")
    assert not there.is_token_revoked("jti")
    there.feed.poll()
    assert there.is_token_revoked("jti")
    clock.now = NOW + 10 + TOKEN_GRACE - 1
    assert there.is_token_revoked("jti"), "Airflow's leeway accepts the token a little longer than it says"


def test_without_a_database_those_who_are_signed_in_carry_on_and_others_get_an_error(live, store):
    session = run(live.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None)).session
    other = open_session(store, "bob")
    store.down = True
    assert live.peek(session.id) == session
    assert run(live.load(session.id)) == session
    with pytest.raises(SessionError) as caught:
        run(live.load(other.id))
    assert caught.value.code == "session_store_unavailable"
    store.down = False
    assert run(live.load(other.id)) == other, "a failure is not remembered"


def test_a_failed_revocation_still_counts_here(live, store):
    store.down = True
    with pytest.raises(SessionError, match="session_store_unavailable"):
        live.revoke_token("jti", expires_at=NOW + HOUR)
    assert live.is_token_revoked("jti")


def test_tells_for_how_long_it_has_heard_nothing(live, store, clock):
    live.feed.poll()
    store.down = True
    clock.advance(42)
    with pytest.raises(SessionError, match="session_store_unavailable"):
        live.feed.poll()
    assert live.stale_for() == 42


def test_lists_and_cleans_up(live, store, clock):
    session = open_session(store)
    assert run(live.list_sessions()) == (session,)
    assert run(live.list_sessions(principal_id="nobody")) == ()
    clock.now = NOW + HOUR
    live.clean_up()
    # This server's clock may be ahead of the others'.
    assert store.list_sessions(now=NOW) == (session,)
    clock.now = NOW + HOUR + CLEAN_UP_GRACE
    live.clean_up()
    assert store.list_sessions(now=NOW) == ()


def test_keeps_no_reads_in_flight_after_they_landed(live, store):
    sessions = [open_session(store) for _ in range(5)]
    for session in sessions:
        run(live.load(session.id))
    assert live._flights == {}


BACKGROUND = {"oidc-auth-clean-up", "oidc-auth-revocation-feed"}


def background_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name in BACKGROUND}


def test_background_threads_start_and_stop(store):
    others = background_threads()  # a server of other tests may run in this process
    live = LiveSessions(store, interval=0.01)
    live.start()
    live.start()
    assert sorted(thread.name for thread in background_threads() - others) == sorted(BACKGROUND)
    live.stop()
    assert background_threads() <= others


def test_sessions_are_compared_by_value(store):
    session = open_session(store)
    assert replace(session) == session


@pytest.mark.parametrize("known_here", [True, False])
def test_an_end_that_the_store_does_not_take_still_counts_here(live, store, known_here):
    """Who signs out while the database is away is told that it failed, but the cookie is worth nothing here."""
    session = open_session(store)
    if known_here:
        assert run(live.load(session.id)) == session
    store.down = True
    with pytest.raises(SessionError) as refused:
        run(live.end(session.id, reason="user_logout"))
    assert refused.value.code == "session_store_unavailable"
    assert live.peek(session.id) is None
    store.down = False
    assert run(live.load(session.id)) is None
    assert run(live.end(session.id, reason="user_logout")) is not None


def test_an_end_counts_here_before_the_store_has_answered(live, store, monkeypatch):
    session = run(live.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None)).session
    seen = []
    end = store.end_many

    def slow_end(session_ids, **more):
        seen.extend(map(live.peek, session_ids))
        return end(session_ids, **more)

    monkeypatch.setattr(store, "end_many", slow_end)
    assert run(live.end(session.id, reason="user_logout")) is not None
    assert seen == [None]


def test_a_read_in_flight_does_not_bring_back_the_grant_that_was_changed_meanwhile(servers, store):
    first, second = servers
    session = open_session(store)

    async def scene() -> None:
        store.gate.clear()
        reading = asyncio.create_task(first.load(session.id))
        await asyncio.to_thread(store.reading.wait, 5)
        regrade(store, second, session)
        first.feed.poll()
        store.gate.set()
        assert (await reading).grant == ADMIN, "the request that was first may have been answered before"
        assert (await first.load(session.id)).grant == VIEWER

    run(scene())


def regrade(store, live, session) -> None:
    store._sessions[session.id].session = replace(session, check_due_at=NOW)
    due = DueSession(session.id, session.provider, NOW)
    leased = store.take_lease(due, owner="a" * 32, now=NOW, seconds=60)
    regraded = store.settle_recheck(leased, Recheck(NOW + 300, grant=VIEWER), now=NOW)
    live.note_regraded(regraded, leased.owner)


def test_a_changed_grant_counts_here_at_once_and_elsewhere_with_the_next_poll(servers, store):
    opened = run(servers[0].open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None))
    listened: list[str] = []
    servers[0].on_opened(listened.append)
    run(servers[1].load(opened.session.id))
    regrade(store, servers[0], opened.session)
    assert run(servers[0].load(opened.session.id)).grant == VIEWER
    assert servers[1].peek(opened.session.id).grant == ADMIN
    servers[1].feed.poll()
    assert servers[1].peek(opened.session.id) is None
    assert run(servers[1].load(opened.session.id)).grant == VIEWER
    assert listened == [opened.session.principal_id]


def test_what_had_to_end_for_a_new_session_has_ended_here_at_once(servers):
    live = servers[0]

    async def scene() -> None:
        first = await live.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None, max_sessions=1)
        second = await live.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None, max_sessions=1)
        assert [ended.session.id for ended in second.ended] == [first.session.id]
        assert live.peek(first.session.id) is None
        assert live.peek(second.session.id)

    run(scene())


def test_the_first_re_check_is_due_within_the_interval_and_not_at_once_for_all(store, clock):
    due = set()
    for jitter in (0.0, 0.5, 1.0):
        live = LiveSessions(store, clock=clock, jitter=lambda jitter=jitter: jitter)
        opening = live.open(
            sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None, recheck=300, regrade_at=NOW + 9
        )
        session = run(opening).session
        due.add(session.check_due_at)
        assert session.regrade_at == NOW + 9
        live.stop()
    assert due == {NOW + 300, NOW + 270, NOW + 240}


def test_ending_many_counts_here_at_once(servers, store):
    live = servers[0]
    sessions = [run(live.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None)).session for _ in range(3)]
    ended = live.end_many_now([session.id for session in sessions[:2]], reason="admin")
    assert len(ended) == 2
    assert [live.peek(session.id) is None for session in sessions] == [True, True, False]
