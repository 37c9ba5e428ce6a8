"""airflowctl's environments: a name, and the address that belongs to it in a file below AIRFLOW_HOME."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.private_file import lock_file, read_file, write_file
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.identity.text import is_printable

DEFAULT = "production"
_MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment.

    :param home: AIRFLOW_HOME, where airflowctl looks
    """

    name: str
    home: Path

    @property
    def url_file(self) -> Path:
        """Where airflowctl reads the address."""
        return self.home / f"{self.name}.json"

    @property
    def folder(self) -> Path:
        """Where we keep what airflowctl knows nothing of; not beside its files, each of which it takes for its own."""
        return self.home / "oidc_login"

    def url(self) -> str | None:
        """Return the address it was signed in to last."""
        return _address(self.url_file)

    def check_free(self) -> None:
        """Refuse a name whose file is something else's.

        :raises CommandFailed: it is
        """
        if self.url_file.exists() and _address(self.url_file) is None:
            raise CommandFailed(
                f"{printable(str(self.url_file))} is there and is no environment of airflowctl. "
                "Choose another name with --env."
            )

    def store_url(self, url: str) -> None:
        """Tell airflowctl the address.

        :raises CommandFailed: it cannot be written
        """
        write_file(self.url_file, json.dumps({"api_url": url}))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time use the refresh token, which is good for one use."""
        with lock_file(self.folder / f"{self.name}.lock"):
            yield


def find_environment(name: str | None, environ: Mapping[str, str]) -> Environment:
    """Return the environment that the arguments mean, as airflowctl would understand them.

    :raises CommandFailed: the name would be a path
    """
    chosen = name or environ.get("AIRFLOW_CLI_ENVIRONMENT") or DEFAULT
    parts = ("/", "\\", "..")
    if any(part in chosen for part in parts) or len(chosen) > _MAX_NAME or not all(map(is_printable, chosen)):
        raise CommandFailed(f"--env must be a name without slashes and `..`, not {printable(chosen)[:80]!r}.")
    home = environ.get("AIRFLOW_HOME")
    return Environment(chosen, Path(home) if home else Path("~/airflow").expanduser())


def _address(path: Path) -> str | None:
    text = read_file(path)
    try:
        document = json.loads(text) if text else None
    except ValueError:
        return None
    url = document.get("api_url") if isinstance(document, dict) else None
    return url if isinstance(url, str) and url else None
