"""Requests leave what they saw without waiting; what is activity is judged afterwards."""

from __future__ import annotations

from airflow_oidc_auth.managers.seen_requests import MAX_WAITING, SeenRequests
from airflow_oidc_auth.sessions.activity import Activity
from airflow_oidc_auth.testing.stores import MemorySessionStore

SESSION = "a" * 22


def test_what_requests_saw_is_judged_in_their_order() -> None:
    judged = []

    class Judge:
        def note(self, session_id: str, path: str, method: str, *, navigation: bool = False) -> bool:
            judged.append((session_id, path, method, navigation))
            return True

    seen = SeenRequests(Judge())
    seen.note("s1", "/dags", "GET", navigation=True)
    seen.note("s2", "/api/v2/dags", "POST", navigation=False)
    assert judged == []
    seen.hand_over()
    seen.hand_over()
    assert judged == [("s1", "/dags", "GET", True), ("s2", "/api/v2/dags", "POST", False)]


def test_polling_is_no_activity_and_a_page_is() -> None:
    now = [1_000_000.0]
    activity = Activity(MemorySessionStore(), clock=lambda: now[0])
    seen = SeenRequests(activity)

    def last(path: str, method: str = "GET", *, navigation: bool = False) -> int | None:
        seen.note(SESSION, path, method, navigation=navigation)
        seen.hand_over()
        return activity.last_seen(SESSION)

    assert last("/ui/dags") == 1_000_000
    for _ in range(100):
        now[0] += 5
        assert last("/ui/dags") == 1_000_000
    assert last("/dags", navigation=True) == 1_000_500
    now[0] += 60
    assert last("/ui/dags") == 1_000_500
    assert last("/api/v2/dags/x", "PATCH") == 1_000_560


def test_a_flood_fills_no_memory() -> None:
    seen = SeenRequests(Activity(MemorySessionStore()))
    for number in range(MAX_WAITING + 10):
        seen.note(SESSION, str(number), "GET", navigation=False)
    assert len(seen) == MAX_WAITING
