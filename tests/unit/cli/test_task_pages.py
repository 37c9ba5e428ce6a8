"""docs/tasks/can.md and plan.md: every word that they offer is one that the commands take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from airflow_oidc_auth.cli.resource import ACTIONS, KINDS, read_asked
from airflow_oidc_auth.policy.statements import PARTS
from tests.unit.cli.running import build_parser

TASKS = Path(__file__).parents[3] / "docs" / "tasks"
CAN = (TASKS / "can.md").read_text(encoding="utf-8")
PLAN = (TASKS / "plan.md").read_text(encoding="utf-8")


def commands(page: str) -> list[str]:
    lines = [
        line.partition("#")[0]
        for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
    ]
    return [line.strip() for line in lines if line.strip()] + re.findall(r"`(airflow oidc can [^`…]+)`", page)


@pytest.mark.parametrize("command", [*commands(CAN), *commands(PLAN)])
def test_the_commands_of_the_pages_are_understood(command: str) -> None:
    words = shlex.split(command.removeprefix("airflow oidc "))
    args = build_parser().parse_args(words)
    if words[0] == "can":
        read_asked(args.action, args.resource)


def test_the_page_names_every_action_kind_and_part() -> None:
    named = set(re.findall(r"`([a-z_]+)(?::[\w-]+)?`", CAN))
    assert named >= {*ACTIONS, *PARTS} - {"dag"}
    assert all(f"`{kind}:" in CAN for kind in KINDS)
