"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.text import printable


def write_new_file(output: str, text: str) -> None:
    """Write a file that does not exist yet.

    :raises CommandFailed: it exists, or cannot be written
    """
    try:
        with Path(output).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandFailed(f"{printable(output)} exists already and is left as it is. Choose another name.") from None
    except OSError as error:
        raise CommandFailed(f"Cannot write {printable(output)}: {error.strerror}.") from None
