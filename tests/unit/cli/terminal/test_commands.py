from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_oidc_auth.cli.login_definition import terminal_commands
from airflow_oidc_auth.cli.terminal.surroundings import Surroundings
from airflow_oidc_auth.testing.loopback import json_answer
from tests.unit.cli.running import Oidc, build_parser
from tests.unit.cli.terminal.conftest import MemoryKeyring
from tests.unit.cli.terminal.servers import FakeAirflow, TerminalIdp


@pytest.fixture
def quick(idp: TerminalIdp, ring: MemoryKeyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The commands with the real surroundings: a home, codes, and an identity provider that is polled each second."""
    idp.use_device_tokens()
    idp.flow.answer = {"interval": 1}
    home = tmp_path / "home"
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    monkeypatch.delenv("AIRFLOW_CLI_ENVIRONMENT", raising=False)
    return home


def test_login_token_and_logout_as_a_person_types_them(
    oidc: Oidc, quick: Path, airflow: FakeAirflow, ring: MemoryKeyring
) -> None:
    run = oidc("login", "--url", airflow.url, "--device")
    token = ring.entries[("airflowctl", "api_token_production")]
    assert run.code == 0
    assert run.out.startswith(f"Signed in to {airflow.url} as Ada Admin <ada@example.com> until 20")
    assert "It is refreshed when needed." in run.out
    assert "  airflowctl dags list\n" in run.out
    assert "WDJB-MJHT" in run.err
    assert "WDJB-MJHT" not in run.out
    assert token not in run.out + run.err

    shown = oidc("token")
    assert (shown.code, shown.out, shown.err) == (0, f"{token}\n", "")

    left = oidc("logout")
    assert (left.code, ring.entries) == (0, {})
    assert f"The token is revoked at {airflow.url}." in left.out
    assert oidc("logout").out == "Nothing is stored for the environment production.\n"


def test_whoever_has_no_name_is_told_by_subject(
    oidc: Oidc, quick: Path, airflow: FakeAirflow, idp: TerminalIdp
) -> None:
    nameless = ("name", "email", "preferred_username")
    idp.fake.misbehaviour = replace(idp.fake.misbehaviour, omit_id_token_claims=nameless)
    run = oidc("login", "--url", airflow.url, "--device", "--json")
    assert (run.data["subject"], run.data["name"]) == (idp.fake.users[0].subject, None)


def test_programs_get_json_and_no_token_but_from_token(
    oidc: Oidc, quick: Path, airflow: FakeAirflow, ring: MemoryKeyring
) -> None:
    run = oidc("login", "--url", airflow.url, "--device", "--env", "staging", "--json")
    token = ring.entries[("airflowctl", "api_token_staging")]
    assert run.data["exit_code"] == 0
    assert (run.data["environment"], run.data["way"], run.data["stored_in"]) == ("staging", "device", "keyring")
    assert token not in run.out + run.err
    assert oidc("token", "--env", "staging", "--json").data["access_token"] == token
    assert oidc("logout", "--env", "staging", "--json").data["left"] == []


def test_other_environments_and_files_are_told_how_to_be_used(
    oidc: Oidc, quick: Path, airflow: FakeAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CLI_DEBUG_MODE", "true")
    run = oidc("login", "--url", airflow.url, "--device", "--env", "staging")
    assert "a file that only you can read" in run.out
    assert "AIRFLOW_CLI_ENVIRONMENT=staging AIRFLOW_CLI_DEBUG_MODE=true airflowctl dags list" in run.out
    assert "$(airflow oidc token --env staging)" in run.out


def test_a_denial_is_two_and_a_failure_is_one(oidc: Oidc, quick: Path, airflow: FakeAirflow) -> None:
    assert oidc("token").code == 1
    assert oidc("login", "--url", airflow.url, "--device", "--browser").code == 1
    airflow.refusal = json_answer({"error": "invalid_request", "code": "token_no_role"}, 400)
    run = oidc("login", "--url", airflow.url, "--device", "--json")
    assert (run.code, run.data["exit_code"]) == (2, 2)
    assert "does not let you in" in run.data["denied"]


def test_a_logout_that_left_something_fails(oidc: Oidc, quick: Path, airflow: FakeAirflow) -> None:
    oidc("login", "--url", airflow.url, "--device")
    airflow.revocation = json_answer({}, 500)
    run = oidc("logout")
    assert run.code == 1
    assert "! The Airflow token is not revoked" in run.out


def stop(*arguments: object, **named: object) -> None:
    raise KeyboardInterrupt


def test_who_stops_it_is_told_that_nothing_was_stored(
    oidc: Oidc, quick: Path, airflow: FakeAirflow, monkeypatch: pytest.MonkeyPatch, ring: MemoryKeyring
) -> None:
    monkeypatch.setattr("airflow_oidc_auth.cli.terminal.device.wait", stop)
    run = oidc("login", "--url", airflow.url, "--device")
    assert (run.code, run.err.splitlines()[-1]) == (130, "Stopped. Nothing new was stored.")
    assert ring.entries == {}


@pytest.mark.parametrize(("name", "told"), [("login_token.fresh_token", "Stopped."), ("logout.sign_out", "Stopped. S")])
def test_who_stops_another_command_reads_one_line(
    oidc: Oidc, quick: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.setattr(f"airflow_oidc_auth.cli.{name}", stop)
    word = "token" if "fresh" in name else "logout"
    run = oidc(word)
    assert (run.code, run.out) == (130, "")
    assert run.err.strip().startswith(told)
    assert len(run.err.strip().splitlines()) == 1
    assert oidc(word, "--json").data["exit_code"] == 130


def test_what_servers_say_cannot_move_the_cursor(
    oidc: Oidc, quick: Path, airflow: FakeAirflow, idp: TerminalIdp
) -> None:
    nasty = "\x1b[2J\x1b]0;title\x07\x9b31m\r\n\N{RIGHT-TO-LEFT OVERRIDE}"
    airflow.listing = {"providers": [airflow.entry("company", idp, label=f"Company {nasty}")]}
    idp.flow.polls = [f"broken{nasty}"]
    outputs = [oidc("login", "--url", airflow.url, "--device")]
    airflow.refusal = json_answer({"error": nasty, "error_description": nasty}, 400)
    outputs.append(oidc("login", "--url", airflow.url, "--device"))
    for run in outputs:
        assert run.code == 1
        assert not set("\x1b\x07\x9b\r\N{RIGHT-TO-LEFT OVERRIDE}") & set(run.out + run.err)


def test_what_is_told_while_waiting_cannot_either(capsys: pytest.CaptureFixture[str]) -> None:
    Surroundings().say("Code:\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}")
    replaced = "\N{REPLACEMENT CHARACTER}"
    assert capsys.readouterr().err == f"Code:{replaced}[2J{replaced}\n"


def test_each_command_says_what_it_takes() -> None:
    assert [command.name for command in terminal_commands()] == ["login", "logout", "token"]
    assert "login" in build_parser().format_help()


def test_the_commands_know_neither_airflow_nor_its_database() -> None:
    code = (
        "import airflow_oidc_auth.cli.login, airflow_oidc_auth.cli.logout, airflow_oidc_auth.cli.login_token, sys;"
        "print(sorted({'airflow', 'sqlalchemy', 'fastapi', 'alembic'} & {name.split('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.usefixtures("no_ring")
def test_no_connection_to_the_database_is_made_by_the_real_command(
    airflow: FakeAirflow, idp: TerminalIdp, tmp_path: Path
) -> None:
    """A database that cannot be reached, and a file that is not made, are nothing to the commands."""
    idp.use_device_tokens()
    idp.flow.answer = {"interval": 1}
    database = tmp_path / "airflow.db"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database}",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "airflow", "oidc", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environ, check=False, timeout=120)

    done = run("login", "--url", airflow.url, "--device", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stored_in"] == "file"
    shown = run("token")
    assert shown.stdout.startswith("airflow-token-1-")
    assert len(shown.stdout.splitlines()) == 1
    assert not database.exists()
