from __future__ import annotations

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.feed import OVERLAP, OVERLAP_ROWS, RESYNC_EVERY, RevocationFeed
from airflow_oidc_auth.sessions.store import Revocation
from tests.storage.people import HOUR, NOW

END = NOW + HOUR


class ScriptedStore:
    """Rows that the test writes, in the order in which their transactions commit."""

    def __init__(self) -> None:
        self.rows: list[Revocation] = []
        self.asked: list[int] = []
        self.down = False

    def commit(self, sequence: int, key: str = "", kind: str = "session", expires_at: int = END) -> None:
        self.rows.append(Revocation(sequence, kind, key or f"s{sequence}", expires_at))

    def revocations(self, *, after: int, now: int):
        self.asked.append(after)
        if self.down:
            raise SessionError("session_store_unavailable")
        return sorted((r for r in self.rows if r.sequence > after and r.expires_at > now), key=lambda r: r.sequence)


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def feed(store, clock, heard) -> RevocationFeed:
    return RevocationFeed(store, clock, monotonic=clock, on_session_ended=heard.append)


def test_hears_of_sessions_and_tokens_once(feed, store, heard):
    store.commit(1)
    store.commit(2, "jti", "token")
    feed.poll()
    feed.poll()
    assert heard == ["s1"]
    assert feed.is_session_revoked("s1")
    assert not feed.is_session_revoked("s2")
    assert feed.is_token_revoked("jti")
    assert not feed.is_token_revoked("s1")


def test_a_session_key_is_no_token_key(feed, store):
    store.commit(1, "same")
    feed.poll()
    assert not feed.is_token_revoked("same")


def test_ignores_kinds_of_a_newer_release(feed, store):
    store.commit(1, "x", "principal")
    feed.poll()
    assert not feed.is_session_revoked("x")


@pytest.mark.parametrize("late", [1, OVERLAP - 2])
def test_hears_of_a_lower_number_that_commits_late(feed, store, clock, heard, late):
    feed.poll()
    clock.advance(1)
    store.commit(7)
    feed.poll()
    for _ in range(int(late)):
        clock.advance(1)
        feed.poll()
    store.commit(6)
    clock.advance(1)
    feed.poll()
    assert heard == ["s7", "s6"]


def test_reads_only_the_last_minute_again(feed, store, clock):
    store.commit(5)
    feed.poll()
    assert store.asked == [0]
    clock.advance(1)
    feed.poll()
    clock.advance(OVERLAP)
    feed.poll()
    assert store.asked[-1] == 5


def test_reads_at_most_a_bounded_number_of_rows_again(feed, store, clock):
    store.commit(OVERLAP_ROWS + 500)
    feed.poll()
    clock.advance(1)
    feed.poll()
    assert store.asked[-1] == 500


def test_reads_everything_again_now_and_then(feed, store, clock, heard):
    store.commit(OVERLAP_ROWS * 2)
    feed.poll()
    store.commit(3)
    for _ in range(3):
        clock.advance(OVERLAP)
        feed.poll()
    assert heard == [f"s{OVERLAP_ROWS * 2}"]
    clock.advance(RESYNC_EVERY)
    feed.poll()
    assert heard[-1] == "s3"


def test_survives_an_outage_and_catches_up_on_everything(feed, store, clock, heard):
    store.commit(9)
    feed.poll()
    clock.advance(2 * OVERLAP)
    feed.poll()
    store.down = True
    for _ in range(3):
        clock.advance(100)
        with pytest.raises(SessionError, match="session_store_unavailable"):
            feed.poll()
    assert feed.stale_for() == 300
    assert feed.is_session_revoked("s9"), "an outage opens no door"
    store.down = False
    store.commit(8)
    store.commit(10)
    feed.poll()
    assert heard == ["s9", "s8", "s10"]
    assert feed.stale_for() == 0


def test_notices_a_database_that_was_restored(feed, store, clock, heard):
    store.commit(5_000)
    feed.poll()
    store.rows.clear()
    store.commit(12)
    clock.advance(RESYNC_EVERY)
    feed.poll()
    clock.advance(1)
    store.commit(13)
    feed.poll()
    assert heard == ["s5000", "s12", "s13"]


def test_what_this_server_ends_counts_at_once_and_is_told_once(feed, store, heard):
    feed.note_session("s1", expires_at=END)
    feed.note_token("jti", expires_at=END)
    assert feed.is_session_revoked("s1")
    assert feed.is_token_revoked("jti")
    store.commit(1)
    feed.poll()
    assert heard == ["s1"]


@pytest.mark.parametrize("jti", ["x" * 500, "käse", "a\nb", "\ud800", "sha256:abc"])
def test_odd_token_ids_are_recognised(feed, jti):
    feed.note_token(jti, expires_at=END)
    assert feed.is_token_revoked(jti)
    assert not feed.is_token_revoked(jti + "x")


def test_forgets_what_can_no_longer_matter(feed, store, clock):
    store.commit(1, expires_at=NOW + 10)
    feed.note_token("jti", expires_at=NOW + 10)
    feed.poll()
    clock.advance(RESYNC_EVERY)
    feed.poll()
    assert not feed.is_session_revoked("s1")
    assert not feed.is_token_revoked("jti")


def test_its_thread_polls_and_stops(store, heard):
    import time

    feed = RevocationFeed(store, lambda: NOW, 0.01, on_session_ended=heard.append)
    feed.start()
    try:
        feed.start()
        store.commit(1)
        deadline = time.monotonic() + 5
        while not heard and time.monotonic() < deadline:
            time.sleep(0.01)
        assert heard == ["s1"]
    finally:
        feed.stop()
    asked = len(store.asked)
    time.sleep(0.05)
    assert len(store.asked) == asked


def test_hears_once_of_each_change_of_a_grant(store, clock):
    changed: list[str] = []
    feed = RevocationFeed(store, clock, monotonic=clock, on_grant_changed=changed.append)
    store.commit(1, "s1.first", "grant")
    store.commit(2, "s1.second", "grant")
    store.commit(3, "s2.first", "grant", expires_at=NOW + 10)
    feed.poll()
    feed.poll()
    assert changed == ["s1", "s1", "s2"]
    assert not feed.is_session_revoked("s1")
    feed.note_grant("s3", "first", expires_at=END)
    store.commit(4, "s3.first", "grant")
    feed.poll()
    assert changed[3:] == ["s3"], "heard again of what this server did"


def test_forgets_changes_that_concern_nobody_any_more(store, clock):
    feed = RevocationFeed(store, clock, monotonic=clock)
    store.commit(1, "s1.first", "grant", expires_at=NOW + 10)
    feed.poll()
    clock.advance(RESYNC_EVERY)
    feed.poll()
    assert feed._grants == {}
