"""The database servers of a run, each of its own on 127.0.0.1."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks.postgres import postgres
from tests.storage.servers import mariadb

DATABASES = ("sqlite", "postgresql", "mariadb")


@contextlib.contextmanager
def server_of(database: str, folder: Path) -> Iterator[str | None]:
    """Start what the database needs; yield its URL without a database name, None for SQLite."""
    if database == "sqlite":
        yield None
    elif database == "postgresql":
        with postgres(folder) as url:
            yield url
    else:
        with mariadb() as url:
            if url is None:
                raise SystemExit("MariaDB is not installed; --databases sqlite postgresql needs none")
            yield url.rpartition("/")[0]
