"""Files for their owner alone: written as a whole, and refused where others can read them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.text import printable

_OWNER = 0o600
_MAX_BYTES = 1024 * 1024


def write_file(path: Path, text: str) -> None:
    """Replace a file at once; a link in its place is replaced, not followed.

    :raises CommandFailed: it cannot be written
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWNER), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CommandFailed(f"Cannot write {printable(str(path))}: {error.strerror}.") from None


def read_file(path: Path) -> str | None:
    """Return a file's text, None where there is none.

    :raises CommandFailed: it cannot be read
    """
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandFailed(f"Cannot read {printable(str(path))}: {error.strerror}.") from None


def read_private_file(path: Path) -> str | None:
    """Return the text of a file that only its owner can read.

    :raises CommandFailed: it cannot be read, is a link, or is open to others
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        what = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise CommandFailed(f"Cannot read {printable(str(path))}: {what}.") from None


def remove_file(path: Path) -> bool:
    """Remove a file; False where there was none.

    :raises CommandFailed: it cannot be removed
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise CommandFailed(f"Cannot remove {printable(str(path))}: {error.strerror}.") from None
    return True


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold a lock between processes for as long as the block runs.

    :raises CommandFailed: the file cannot be made
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _OWNER)
    except OSError as error:
        raise CommandFailed(f"Cannot write {printable(str(path))}: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_private(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise CommandFailed(
            f"{printable(str(path))} holds a token and can be read by others than you. Whoever read it may have used "
            "it: run `airflow oidc logout`, then `airflow oidc login`."
        )
