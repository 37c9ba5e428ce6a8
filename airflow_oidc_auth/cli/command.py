"""The border around every command: exit codes, and errors as text or JSON."""

from __future__ import annotations

import functools
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NoReturn, Protocol, TextIO

from airflow_oidc_auth.cli.text import count, printable, problem_rows, section, table
from airflow_oidc_auth.errors import ConfigurationError, OidcAuthError, Problem


class ExitCode(IntEnum):
    """What a script can rely on."""

    OK = 0
    FAILED = 1
    DENIED = 2
    BAD_CONFIGURATION = 3
    INTERRUPTED = 130


class Report(Protocol):
    """What a command found."""

    @property
    def exit_code(self) -> ExitCode:
        """What it means for a script."""

    def text(self) -> list[str]:
        """Lines for a person."""

    def data(self) -> dict[str, object]:
        """The same for a program."""


class CommandFailed(Exception):
    """The command cannot do what it was asked to; the text says why and what to do."""


def command(run: Callable[[Namespace], Report]) -> Callable[[Namespace], None]:
    """Print the report of ``run`` and leave with its exit code."""

    @functools.wraps(run)
    def main(args: Namespace) -> None:
        as_json = bool(getattr(args, "json", False))
        try:
            report = run(args)
        except ConfigurationError as error:
            _complain(ExitCode.BAD_CONFIGURATION, _problem_text(error), _problem_data(error), as_json=as_json)
        except (OidcAuthError, CommandFailed) as error:
            text = f"{error.message.text} {error.hint}" if isinstance(error, OidcAuthError) else str(error)
            _complain(ExitCode.FAILED, [printable(text)], {"error": text}, as_json=as_json)
        except KeyboardInterrupt as stopped:
            text = str(stopped) or "Stopped."
            # Behind the ^C that the terminal shows.
            _complain(ExitCode.INTERRUPTED, ["", text], {"error": text}, as_json=as_json)
        if as_json:
            _print_json(report.exit_code, report.data())
        else:
            print_lines(report.text(), sys.stdout)
        if report.exit_code is not ExitCode.OK:
            raise SystemExit(int(report.exit_code))

    return main


def problem_data(problem: Problem) -> dict[str, object]:
    """Return a problem for JSON."""
    return {
        "path": problem.path,
        "text": problem.text,
        "suggestion": problem.suggestion,
        "where": problem.where,
    }


def _complain(code: ExitCode, text: list[str], data: dict[str, object], *, as_json: bool) -> NoReturn:
    """Leave without a report; a text goes to standard error, so that a pipe never takes it for the result."""
    if as_json:
        _print_json(code, data)
    else:
        print_lines(text, sys.stderr)
    raise SystemExit(int(code))


def _print_json(code: ExitCode, data: dict[str, object]) -> None:
    print_lines([json.dumps({"exit_code": int(code), **data}, indent=2)], sys.stdout)


def print_lines(lines: Sequence[str], stream: TextIO) -> None:
    """Write lines; letters that the stream's encoding does not have become question marks."""
    if not lines:
        return
    text = "\n".join(lines).rstrip("\n") + "\n"
    # An arrow or a name that the terminal has no letters for: what was done must be told all the same, once.
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def _problem_text(error: ConfigurationError) -> list[str]:
    title = f"The configuration cannot be used: {count(len(error.problems), 'problem')}"
    return section(title, table(problem_rows("problem", error.problems)))


def _problem_data(error: ConfigurationError) -> dict[str, object]:
    return {"problems": [problem_data(problem) for problem in error.problems]}
