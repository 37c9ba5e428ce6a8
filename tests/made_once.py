"""Databases that are made once for all processes of a test run, and copied from then on.

Tests of migrations, of upgrades and of the demo make their own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.conftest import SHARED


def made_once(database: Path, what: tuple[object, ...], make: Callable[[], object]) -> None:
    """Put a SQLite database in its place: a copy of an earlier one of this run, else what ``make`` makes there.

    :param what: all that decides what ``make`` makes
    """
    kept = SHARED / f"{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}.db"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            shutil.copyfile(kept, database)
            return
        make()
        unfinished = kept.with_suffix(f".{os.getpid()}")
        # Not its file: something may still lie in the write-ahead log.
        with closing(sqlite3.connect(database)) as made, closing(sqlite3.connect(unfinished)) as copy:
            made.backup(copy)
        unfinished.rename(kept)
