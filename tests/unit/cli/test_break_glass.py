from __future__ import annotations

import getpass
import io
import os
import pwd
import sys

import pytest
from sqlalchemy import select

from airflow_oidc_auth.login.keys import derive_break_glass_keys
from airflow_oidc_auth.managers.secret_option import read_secret_option
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.break_glass import BreakGlassLinks
from airflow_oidc_auth.sessions.models import break_glass
from tests.storage.fab import fab_database
from tests.unit.cli.office_database import OfficeDatabase
from tests.unit.cli.running import Oidc, Run, build_parser

ADDRESS = "http://localhost:8080/auth/break-glass?link="


def make(oidc: Oidc, *arguments: str, reason: str = "IdP down, INC-7") -> Run:
    return oidc("break-glass", "--reason", reason, *arguments)


def links(office: OfficeDatabase) -> BreakGlassLinks:
    keys = derive_break_glass_keys(Secret(read_secret_option("core", "fernet_key")))
    return BreakGlassLinks(keys, transactions=office.transactions)


def stored(office: OfficeDatabase) -> list:
    with office.transactions() as transaction:
        return list(transaction.execute(select(break_glass)).all())


def test_the_address_opens_the_link_and_is_shown_once(oidc: Oidc, office: OfficeDatabase) -> None:
    made = make(oidc, "--role", "Op", "--minutes", "5")
    assert made.code == 0
    (address,) = [line.split()[-1] for line in made.out.splitlines() if ADDRESS in line]
    token = address.removeprefix(ADDRESS)
    link = links(office).find(token)
    assert link is not None
    assert (link.role, link.minutes, link.reason, link.created_by) == ("Op", 5, "IdP down, INC-7", getpass.getuser())
    assert link.expires_at == link.created_at + 600
    (row,) = stored(office)
    assert token.partition(".")[2] not in str(tuple(row))


def test_creation_is_audited_without_the_token(oidc: Oidc, office: OfficeDatabase) -> None:
    data = make(oidc, "--json").data
    (row,) = office.audit()
    assert (row["event"], row["reason"], row["owner"]) == ("auth.break_glass", "created", getpass.getuser())
    assert (row["roles_after"], row["minutes"], row["explanation"]) == (["Admin"], 30, "IdP down, INC-7")
    assert row["correlation_id"] == data["correlation_id"]
    assert data["url"].removeprefix(ADDRESS).partition(".")[2] not in str(row)


def test_no_variable_puts_a_link_down_to_somebody_else(
    oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert make(oidc).code == 0
    (row,) = office.audit()
    assert row["owner"] == pwd.getpwuid(os.getuid()).pw_name != "somebody-else"


def test_an_account_without_a_name_has_a_number(
    oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in containers that run under any number; the door for emergencies must open there, too."""

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert make(oidc).code == 0
    assert office.audit()[0]["owner"] == f"uid {os.getuid()}"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_of_another_encoding_shows_the_address_of_the_link_that_was_made(
    office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """The arrow before it ended the command, when the link was made and could be shown no more."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding=encoding))
    args = build_parser().parse_args(["break-glass", "--reason", "IdP down"])
    args.func(args)
    assert ADDRESS.encode() in shown.getvalue()
    assert len(stored(office)) == 1


def test_without_its_audit_row_there_is_no_link(
    oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office.transactions() as transaction:
        transaction.connection().exec_driver_sql("DROP TABLE log")
    failed = make(oidc)
    assert (failed.code, ADDRESS in failed.out + failed.err) == (1, False)
    assert stored(office) == []


def test_switched_off_means_that_none_is_made(oidc: Oidc, office: OfficeDatabase) -> None:
    office.configure("sessions: {break_glass: false}")
    refused = make(oidc)
    assert (refused.code, "sessions.break_glass" in refused.out) == (2, True)
    assert make(oidc, "--json").data == {"exit_code": 2, "error": "break_glass_disabled"}
    assert (stored(office), office.audit()) == ([], [])


def test_a_configuration_that_cannot_be_read_allows_nothing(oidc: Oidc, office: OfficeDatabase) -> None:
    office.configure("sessions: {break_glass: perhaps}")
    assert make(oidc).code == 3
    assert stored(office) == []


def test_it_works_without_the_client_secret_and_without_the_identity_provider(
    oidc: Oidc, office: OfficeDatabase
) -> None:
    assert "NOT_SET" in office.document.read_text(encoding="utf-8")
    assert make(oidc).code == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--role", "admin"), "There is no role 'admin': did you mean Admin?"),
        (("--role", ""), "There is no role ''"),
        (("--minutes", "0"), "--minutes must be 1 to 240."),
        (("--minutes", "241"), "--minutes must be 1 to 240."),
        (("--minutes", "-5"), "--minutes must be 1 to 240."),
    ],
)
def test_what_is_not_allowed_is_told(oidc: Oidc, office: OfficeDatabase, arguments: tuple[str, ...], text: str) -> None:
    failed = make(oidc, *arguments)
    assert (failed.code, text in failed.err) == (1, True)
    assert stored(office) == []


def test_a_reason_is_required(oidc: Oidc, office: OfficeDatabase) -> None:
    with pytest.raises(SystemExit, match="2"):
        oidc("break-glass")
    assert make(oidc, reason=" ").code == 1


def test_a_custom_role_of_the_document_may_be_named(oidc: Oidc, office: OfficeDatabase) -> None:
    office.configure("roles: {Rescuer: {extends: [Viewer]}}")
    made = make(oidc, "--role", "Rescuer")
    assert made.code == 0, made.err


def test_in_fab_mode_the_role_is_one_of_fabs(
    oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "airflow_oidc_auth.OidcFabAuthManager")
    config = tmp_path / "webserver_config.py"
    config.write_text(
        "from airflow_oidc_auth import OidcSecurityManager\nSECURITY_MANAGER_CLASS = OidcSecurityManager\n"
    )
    monkeypatch.setenv("AIRFLOW__FAB__CONFIG_FILE", str(config))
    with office.transactions() as transaction:
        engine = transaction.get_bind()
    fab_database(engine, roles=("Admin", "Rescue"))
    assert make(oidc, "--role", "Rescue").code == 0
    failed = make(oidc, "--role", "Op")
    assert (failed.code, "There is no role 'Op'" in failed.err) == (1, True)
