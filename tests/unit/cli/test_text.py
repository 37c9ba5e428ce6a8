from __future__ import annotations

import pytest

from airflow_oidc_auth.cli.text import count, printable, problem_rows, section, table
from airflow_oidc_auth.errors import Problem


def test_columns_are_aligned_and_the_last_one_wraps_below_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert table([("ok", "keys", "two"), ("warning", "pkce", "word " * 12)]) == [
        "  ok       keys  two",
        "  warning  pkce  word word word word word word word word",
        "                 word word word word",
    ]


def test_addresses_and_commands_to_copy_stay_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    address = "https://airflow.example.com/auth/callback/okta?with=a-long-query-that-does-not-fit"
    command = "→ " + "python -c 'print(1)' " * 5
    assert table([("redirect URI", address)]) == [f"  redirect URI  {address}"]
    assert table([("x", command)]) == [f"  x  {command}".rstrip()]


def test_nothing_from_outside_reaches_the_terminal_as_a_command() -> None:
    shown = "\n".join([*table([("a\x1b[2J", "b\x9b31m\u202ec")]), *section("t\x07", ["x"])])
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "\u202e" not in shown
    assert "\x07" not in shown
    assert printable("plain é") == "plain é"


def test_an_empty_section_is_not_shown() -> None:
    assert section("Notes", []) == []


def test_a_problem_shows_place_and_suggestion() -> None:
    problem = Problem("grants.rules[0]", "is odd", "write it so", "a.yaml:7")
    assert problem_rows("PROBLEM", [problem]) == [("PROBLEM", "grants.rules[0]: is odd (a.yaml:7)\n→ write it so")]


def test_counts_are_spelled_as_people_do() -> None:
    assert [count(n, "rule") for n in (0, 1, 2)] == ["0 rules", "1 rule", "2 rules"]
