from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from airflow.cli.cli_config import ActionCommand, GroupCommand

from airflow_oidc_auth.cli.definition import PRESETS, get_oidc_cli_commands
from airflow_oidc_auth.providers.presets import preset_names, saml_preset_names, workload_preset_names
from tests.unit.cli.running import build_parser


def test_there_is_one_group_whose_commands_all_know_json() -> None:
    (group,) = get_oidc_cli_commands()
    assert isinstance(group, GroupCommand)
    assert group.name == "oidc"
    assert {command.name for command in group.subcommands} >= {
        *("check", "explain", "can", "plan", "init"),
        *("link", "unlink", "links", "migrate-fab"),
        *("sessions", "tokens", "break-glass", "forget", "db"),
        *("login", "logout", "token"),
    }
    for command in _actions(group):
        # What `audit export` prints is JSON anyway.
        assert any({"--json", "--format"} & {*argument.flags} for argument in command.args)
        assert "0 ok, 1 failed, 2 denied" in (command.epilog or "")


def _actions(group: GroupCommand) -> Iterator[ActionCommand]:
    for command in group.subcommands:
        if isinstance(command, GroupCommand):
            yield from _actions(command)
        else:
            assert isinstance(command, ActionCommand)
            yield command


def test_the_presets_offered_are_those_that_exist() -> None:
    assert set(PRESETS) == {*preset_names(), *saml_preset_names(), *workload_preset_names()}


def test_the_help_of_every_command_can_be_shown() -> None:
    assert "explain" in build_parser().format_help()


def test_the_definition_is_cheap_since_every_airflow_command_imports_it() -> None:
    code = (
        "import airflow.cli.cli_config, airflow_oidc_auth, sys; before = set(sys.modules);"
        "from airflow_oidc_auth.cli.definition import get_oidc_cli_commands; get_oidc_cli_commands();"
        "print(sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    cheap = (
        "",
        ".arguments",
        ".audit_definition",
        ".can_definition",
        ".definition",
        ".login_definition",
        ".session_definition",
    )
    ours = [f"airflow_oidc_auth.cli{name}" for name in (*cheap, ".tokens_definition")]
    assert ran.stdout.splitlines()[-1] == str(ours)
