"""Where tokens are kept: the keyring that airflowctl uses, or files for their owner alone where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.environment import Environment
from airflow_oidc_auth.cli.terminal.private_file import read_private_file, remove_file, write_file
from airflow_oidc_auth.secret import Secret

T = TypeVar("T")


class Entry(Enum):
    """What is kept of an environment."""

    AIRFLOW_TOKEN = "airflow_token"
    """Where airflowctl looks for it."""
    LOGIN = "login"
    """How to get the next one; ours alone."""


class Vault(Protocol):
    """A place for secrets.

    :raises CommandFailed: from every method, the place refuses
    """

    @property
    def name(self) -> str:
        """What a person calls it."""

    def read(self, entry: Entry) -> Secret | None:
        """Return what is kept, if anything."""

    def write(self, entry: Entry, secret: Secret) -> None:
        """Keep it instead of what was kept before."""

    def remove(self, entry: Entry) -> bool:
        """Forget it; False where nothing was kept."""


@dataclass(frozen=True, slots=True)
class KeyringVault:
    """The desktop's keyring, under the names that airflowctl gives them."""

    environment: Environment
    name: str = "keyring"

    def read(self, entry: Entry) -> Secret | None:
        """Return what is kept, if anything."""
        import keyring

        text = _asked(lambda: keyring.get_password(*self._place(entry)))
        return Secret(text) if text else None

    def write(self, entry: Entry, secret: Secret) -> None:
        """Keep it instead of what was kept before."""
        import keyring

        _asked(lambda: keyring.set_password(*self._place(entry), secret.reveal()))

    def remove(self, entry: Entry) -> bool:
        """Forget it; False where nothing was kept."""
        import keyring

        if self.read(entry) is None:
            return False
        _asked(lambda: keyring.delete_password(*self._place(entry)))
        return True

    def _place(self, entry: Entry) -> tuple[str, str]:
        if entry is Entry.AIRFLOW_TOKEN:
            return "airflowctl", f"api_token_{self.environment.name}"
        return "airflow-oidc-auth", f"login_{self.environment.name}"


@dataclass(frozen=True, slots=True)
class FileVault:
    """Files with mode 0600: airflowctl's own for its token, which it reads with ``AIRFLOW_CLI_DEBUG_MODE=true``."""

    environment: Environment
    name: str = "file"

    def read(self, entry: Entry) -> Secret | None:
        """Return what is kept, if anything."""
        text = read_private_file(self._path(entry))
        if text and entry is Entry.AIRFLOW_TOKEN:
            text = _unwrapped(text, self._key)
        return Secret(text) if text else None

    def write(self, entry: Entry, secret: Secret) -> None:
        """Keep it instead of what was kept before."""
        text = secret.reveal()
        write_file(self._path(entry), json.dumps({self._key: text}) if entry is Entry.AIRFLOW_TOKEN else text)

    def remove(self, entry: Entry) -> bool:
        """Forget it; False where nothing was kept."""
        return remove_file(self._path(entry))

    @property
    def _key(self) -> str:
        return f"api_token_{self.environment.name}"

    def _path(self, entry: Entry) -> Path:
        environment = self.environment
        if entry is Entry.AIRFLOW_TOKEN:
            return environment.home / f"debug_creds_{environment.name}.json"
        return environment.folder / f"{environment.name}.json"


def find_vaults(environment: Environment, environ: Mapping[str, str]) -> tuple[Vault, ...]:
    """Return the places to look in; what is new goes into the first, which is where airflowctl looks."""
    files = FileVault(environment)
    if environ.get("AIRFLOW_CLI_DEBUG_MODE") == "true" or not has_keyring():
        return (files,)
    return (KeyringVault(environment), files)


def has_keyring() -> bool:
    """Tell whether there is a keyring that keeps anything."""
    import keyring
    from keyring.backends import fail, null

    return not isinstance(keyring.get_keyring(), (fail.Keyring, null.Keyring))


def _asked(ask: Callable[[], T]) -> T:
    from keyring.errors import KeyringError

    try:
        return ask()
    # Its backends raise these for a wrong password and a bus that is gone; their texts may quote what was to be kept.
    except (KeyringError, ValueError, RuntimeError, OSError) as error:
        raise CommandFailed(
            f"The keyring refuses ({type(error).__name__}). Unlock it and run the command again; or set "
            "AIRFLOW_CLI_DEBUG_MODE=true, for airflowctl as well, to keep the token in a file that only you can read."
        ) from None


def _unwrapped(text: str, key: str) -> str | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    token = document.get(key) if isinstance(document, dict) else None
    return token if isinstance(token, str) else None
