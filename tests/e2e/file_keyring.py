"""A keyring that several processes share, for machines without a desktop: ``PYTHON_KEYRING_BACKEND`` names it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class FileKeyring(KeyringBackend):
    """Keeps everything in the file that ``E2E_KEYRING`` names."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._keep({**self._entries(), f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        del entries[f"{service} {username}"]
        self._keep(entries)

    @property
    def _file(self) -> Path:
        return Path(os.environ["E2E_KEYRING"])

    def _entries(self) -> dict[str, str]:
        if not self._file.exists():
            return {}
        entries: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8"))
        return entries

    def _keep(self, entries: dict[str, str]) -> None:
        self._file.write_text(json.dumps(entries), encoding="utf-8")
