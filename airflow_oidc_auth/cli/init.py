"""``airflow oidc init PRESET``: a commented document to start from."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from airflow_oidc_auth.cli.command import CommandFailed, ExitCode, command
from airflow_oidc_auth.cli.definition import PRESETS
from airflow_oidc_auth.cli.files import write_new_file
from airflow_oidc_auth.managers.fab_source import is_fab_mode


@dataclass(frozen=True, slots=True)
class InitReport:
    """What was written, and where.

    :param output: None where it goes to standard output
    :param setting: what names the document
    """

    preset: str
    document: str
    output: str | None
    setting: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """A document that could not be written is no report."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """The document itself, or what to do with the file."""
        if self.output is None:
            return self.document.splitlines()
        return [
            f"Wrote {self.output}.",
            "",
            "Next:",
            "  1. Fill in what is in capitals, and name your groups under grants.",
            f"  2. Set {self.setting}",
            "  3. Run `airflow oidc check`: it prints the addresses to register at the identity provider.",
        ]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {"preset": self.preset, "output": self.output, "document": self.document}


def read_template(preset: str) -> str:
    """Return the commented document of a preset.

    :raises CommandFailed: there is no such preset
    """
    if preset not in PRESETS:
        raise CommandFailed(f"There is no preset {preset!r}. Known: {', '.join(PRESETS)}.")
    return (files("airflow_oidc_auth.cli") / "templates" / f"{preset}.yaml").read_text(encoding="utf-8")


@command
def init(args: Namespace) -> InitReport:
    """Print or write the document; never over an existing file."""
    document = read_template(args.preset)
    output = None if args.output in (None, "-") else str(args.output)
    if output is not None:
        write_new_file(output, document)
    elif not sys.stdout.isatty():
        sys.stderr.write("Fill in what is in capitals, then run `airflow oidc check`.\n")
    return InitReport(args.preset, document, output, _setting(output or ""))


def _setting(output: str) -> str:
    if is_fab_mode(other_source=False):
        return f'OIDC_AUTH = "{Path(output).absolute()}" in webserver_config.py (docs/tasks/fab-mode.md)'
    return f"[oidc_auth] config_file = {output}"
