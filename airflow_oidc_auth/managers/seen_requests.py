"""From the requests to the judgement of what is activity, without a lock in their way."""

from __future__ import annotations

from collections import deque
from typing import Protocol

MAX_WAITING = 50_000


class Judge(Protocol):
    """What decides whether a request is activity (:class:`airflow_oidc_auth.sessions.activity.Activity`)."""

    def note(self, session_id: str, path: str, method: str, *, navigation: bool = False) -> bool:
        """Note a request."""


class SeenRequests:
    """Let requests drop what they have seen, and a thread pick it up every few seconds.

    Appending to a deque takes no lock; beyond the bound the oldest is lost, which the next request makes good.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._waiting: deque[tuple[str, str, str, bool]] = deque(maxlen=MAX_WAITING)

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, session_id: str, path: str, method: str, *, navigation: bool) -> None:
        """Remember a browser's request with a live session."""
        self._waiting.append((session_id, path, method, navigation))

    def hand_over(self) -> None:
        """Have everything judged that has come so far."""
        for _ in range(len(self._waiting)):
            try:
                session_id, path, method, navigation = self._waiting.popleft()
            except IndexError:  # somebody else hands over, too
                return
            self._judge.note(session_id, path, method, navigation=navigation)
