"""A person's own machine: a home without any Airflow in it, a terminal, a keyring, and airflowctl."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.airflow_server import ROOT
from tests.e2e.identity_providers import GRANTS, OpenIdProvider, provider_of
from tests.e2e.processes import Server, wait_until

SECONDS = 90


class Laptop:
    """Runs commands; knows the server only by its address.

    :param keyring: it has one, as desktops do
    """

    def __init__(self, folder: Path, *, keyring: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.home = folder, folder / "home"
        self.opened = folder / "opened"
        backend = "tests.e2e.file_keyring.FileKeyring" if keyring else "keyring.backends.fail.Keyring"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self.environ = kept | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'never.db'}",
            "BROWSER": f"{self._browser()} %s",
            "E2E_KEYRING": str(folder / "keyring.json"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "NO_PROXY": "localhost,127.0.0.1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
            "PYTHON_KEYRING_BACKEND": backend,
        }
        if not keyring:
            self.environ["AIRFLOW_CLI_DEBUG_MODE"] = "true"

    def _browser(self) -> Path:
        """Return what stands in for the desktop's browser: it writes the address down for Chromium."""
        script = self.folder / "browser"
        script.write_text(f'#!/bin/sh\nprintf %s "$1" > {self.opened}\n', encoding="utf-8")
        script.chmod(0o700)
        return script

    def begin(self, *arguments: str) -> Server:
        """Start an ``airflow oidc`` command that waits for somebody."""
        self.opened.unlink(missing_ok=True)
        log = self.folder / f"{arguments[0]}.log"
        log.unlink(missing_ok=True)
        return Server([sys.executable, "-m", "airflow", "oidc", *arguments], log, self.environ)

    def oidc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an ``airflow oidc`` command to its end."""
        return self._run(sys.executable, "-m", "airflow", "oidc", *arguments)

    def airflowctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real airflowctl."""
        return self._run(sys.executable, "-m", "airflowctl", *arguments)

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script."""
        return self._run(sys.executable, "-c", code, *arguments)

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of the documentation."""
        return self._run("bash", "-c", line)

    def dag_ids(self) -> set[str]:
        """Return what airflowctl lists."""
        ran = self.airflowctl("dags", "list", "--output", "json")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return {dag["dag_id"] for dag in json.loads(ran.stdout)}

    def kept(self) -> dict[str, Any]:
        """Return what the keyring holds."""
        file = Path(self.environ["E2E_KEYRING"])
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return found

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environ, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )


def device_page(server: Server) -> tuple[str, str]:
    """Return the address and the code that the terminal shows."""
    found = re.compile(r"^  (http\S+)\n  Code: (\S+)$", re.MULTILINE)
    wait_until(lambda: found.search(server.tail()), "a code on the terminal", SECONDS)
    shown = found.search(server.tail())
    assert shown is not None
    return shown[1], shown[2]


def finished(server: Server) -> tuple[int, str]:
    """Return the exit code and all that was printed."""
    code = server.process.wait(SECONDS)
    return code, server.log.read_text(encoding="utf-8")


def document(op: OpenIdProvider) -> str:
    """Return a document with sign-in from terminals."""
    return f"""\
version: 1
providers:
{provider_of("op", "Company login", op.issuer)}\
    cli:
      client_id: airflow-cli
      scopes: [openid, profile, email, groups, offline_access]
{GRANTS}"""
