"""What a browser's request turned out to have, a live session or one that ended: told by whoever looks it up, heard by
our middleware.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class NoteRequest(Protocol):
    """Hears of browsers' requests with a live session; must not wait for anything."""

    def __call__(self, session_id: str, path: str, method: str, *, navigation: bool) -> None:
        """Hear of one.

        :param path: below Airflow's root, without the query
        :param navigation: the browser opens a page
        """


class Seen:
    """What one request has shown so far: whose live session it has, if any."""

    __slots__ = ("has_left", "principal_id", "session_id")

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.principal_id = ""
        self.has_left = False


CURRENT: ContextVar[Seen | None] = ContextVar("airflow_oidc_auth_seen", default=None)


def note_session(session_id: str, principal_id: str) -> None:
    """Say that the request in hand has this live session; nothing happens for a request that is no browser's."""
    seen = CURRENT.get()
    if seen is not None:
        seen.session_id, seen.principal_id = session_id, principal_id


def note_left() -> None:
    """Say that the request in hand came with a token that was revoked, or whose session has ended."""
    seen = CURRENT.get()
    if seen is not None:
        seen.has_left = True


def is_of_browser() -> bool:
    """Tell whether the request in hand is a browser's: it has cookies, and no credentials but those."""
    return CURRENT.get() is not None
