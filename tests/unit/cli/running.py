"""Run a command as Airflow's command line would, and read what it says."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest
from airflow.cli.cli_config import ActionCommand, GroupCommand

from airflow_oidc_auth.cli.definition import get_oidc_cli_commands


class Run:
    """One finished command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def data(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded


class Oidc:
    """``airflow oidc``."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Run:
        args = build_parser().parse_args(arguments)
        self._capsys.readouterr()
        try:
            args.func(args)
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
        captured = self._capsys.readouterr()
        return Run(code, captured.out, captured.err)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="airflow oidc")
    (group,) = get_oidc_cli_commands()
    assert isinstance(group, GroupCommand)
    _add_commands(parser, group)
    return parser


def _add_commands(parser: argparse.ArgumentParser, group: GroupCommand) -> None:
    commands = parser.add_subparsers(required=True)
    for command in group.subcommands:
        sub = commands.add_parser(command.name, help=command.help)
        if isinstance(command, GroupCommand):
            _add_commands(sub, command)
            continue
        assert isinstance(command, ActionCommand)
        sub.epilog = command.epilog
        for argument in command.args:
            argument.add_to_parser(sub)
        sub.set_defaults(func=command.func)
