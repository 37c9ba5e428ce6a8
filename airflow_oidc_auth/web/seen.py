"""Which live session a browser's request turned out to have: told by whoever looks it up, heard by our middleware."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

NoteRequest = Callable[[str, str, str, bool], None]
"""Hears of a browser's request with a live session: session id, path, method, and whether a page is opened."""


class Seen:
    """What one request has shown so far."""

    __slots__ = ("session_id",)

    def __init__(self) -> None:
        self.session_id: str | None = None


CURRENT: ContextVar[Seen | None] = ContextVar("airflow_oidc_auth_seen", default=None)


def note_session(session_id: str) -> None:
    """Say that the request in hand has this live session; nothing happens for a request that is no browser's."""
    seen = CURRENT.get()
    if seen is not None:
        seen.session_id = session_id
