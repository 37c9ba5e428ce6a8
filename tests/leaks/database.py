"""Everything that a database holds: each value as it is stored, and the file with what was deleted and overwritten."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL


def every_byte(url: URL) -> Iterator[tuple[str, bytes]]:
    """Yield a place and its bytes: each table, then each file of the database (SQLite)."""
    assert url.get_backend_name() == "sqlite"
    assert url.database
    path = Path(url.database)
    with closing(sqlite3.connect(path, timeout=20)) as database:
        database.text_factory = bytes
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            table = name.decode()
            rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
            values = (value for row in rows for value in row if value is not None)
            yield (
                f"table {table}",
                b"\n".join(each if isinstance(each, bytes) else repr(each).encode() for each in values),
            )
    for file in sorted(path.parent.glob(f"{path.name}*")):
        yield f"file {file.name}", _read_elsewhere(file)


def _read_elsewhere(file: Path) -> bytes:
    """Return the bytes of a file of a database that this process has open.

    A process that closes a file gives back all its locks on it (fcntl(2)), SQLite's too: others then write over it.
    """
    return subprocess.run(["cat", str(file)], capture_output=True, check=True).stdout
