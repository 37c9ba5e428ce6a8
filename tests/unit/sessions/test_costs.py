"""What a request costs with many live sessions: no reading, and no more work than with one."""

from __future__ import annotations

import asyncio
import timeit

from airflow_oidc_auth.sessions.activity import Activity
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage.people import ADMIN, HOUR, NOW, open_session, sign_in

MANY = 50_000


class CountingStore(MemorySessionStore):
    reads = 0

    def load(self, session_id, *, now):
        self.reads += 1
        return super().load(session_id, now=now)


def request(live: LiveSessions, activity: Activity, session_id: str) -> None:
    live.is_token_revoked("jti")
    assert live.peek(session_id) is not None
    activity.note(session_id, "/api/v2/dags", "GET")


def cost(store: MemorySessionStore, others: list[str]) -> float:
    """Return seconds of the cheapest of several runs; what disturbs a run only makes it dearer."""
    live, activity = LiveSessions(store, clock=lambda: NOW), Activity(store, clock=lambda: NOW)
    mine = open_session(store)
    for session_id in (*others, mine.id):
        asyncio.run(live.load(session_id)) if session_id == mine.id else live._read(session_id)
        request(live, activity, session_id)
    seconds = min(timeit.repeat(lambda: request(live, activity, mine.id), number=2_000, repeat=15))
    live.stop()
    return seconds


def test_a_request_costs_the_same_whether_one_session_lives_or_fifty_thousand():
    one = cost(MemorySessionStore(), [])
    store = MemorySessionStore()
    many = cost(store, [open_session(store, f"p{number % 500}").id for number in range(MANY)])
    # 1.1 is measured by the benchmarks, on a quiet machine; anything that grows with their number is far beyond this.
    assert many < 2 * one, f"{many / one:.2f} times"


def test_no_request_reads_a_session_twice_however_many_there_are():
    store = CountingStore()
    live, activity = LiveSessions(store, clock=lambda: NOW), Activity(store, clock=lambda: NOW)
    ids = [open_session(store, f"p{number % 500}").id for number in range(MANY)]
    for session_id in ids:
        live._read(session_id)
    for session_id in ids:
        request(live, activity, session_id)
    assert store.reads == MANY
    opened = asyncio.run(live.open(sign_in(), ADMIN, expires_at=NOW + HOUR, client_address=None)).session
    request(live, activity, opened.id)
    assert store.reads == MANY
    live.stop()
