"""Count what asks the database because of a request, and not what polls it all the time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import Engine

# Our background threads: those of the servers of other tests run in this process, too.
BACKGROUND = "oidc-auth-"
# Where requests wait for the database.
STORE = "oidc-auth-store"


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements of every engine of this process, except those of background threads."""
    statements: list[str] = []

    def note(_connection, _cursor, statement: str, *_) -> None:
        name = threading.current_thread().name
        if name.startswith(STORE) or not name.startswith(BACKGROUND):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
