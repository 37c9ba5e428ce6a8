from __future__ import annotations

import getpass
import time

import pytest

from airflow_oidc_auth.cli import session_access
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.principal import principal_id
from tests.storage.people import ISSUER
from tests.unit.cli.office_database import OfficeDatabase
from tests.unit.cli.running import Oidc, Run


def end(oidc: Oidc, *arguments: str, reason: str = "left the company") -> Run:
    return oidc("sessions", "end", *arguments, "--reason", reason, "--yes")


def test_the_list_says_who_since_when_from_where_and_until_when(oidc: Oidc, office: OfficeDatabase) -> None:
    session = office.open()
    told = oidc("sessions", "list")
    assert told.code == 0
    for text in ("1 session", session.id[:8], "Ada Lovelace <ada@example.com>", "okta", "192.0.2.7", "Viewer"):
        assert text in told.out
    for text in ("just now", "never", "in 1 h", "signed in", "last seen", "next re-check", "ends"):
        assert text in told.out
    assert session.id not in told.out


def test_json_tells_the_same(oidc: Oidc, office: OfficeDatabase) -> None:
    session = office.open()
    data = oidc("sessions", "list", "--json").data
    assert (data["exit_code"], data["total"]) == (0, 1)
    (listed,) = data["sessions"]
    assert (listed["session"], listed["subject"], listed["issuer"]) == (session.id[:8], "ada", ISSUER)
    assert (listed["roles"], listed["ends_at"], listed["next_check_at"]) == (["Viewer"], session.expires_at, None)


def test_an_empty_list_is_an_answer(oidc: Oidc, office: OfficeDatabase) -> None:
    assert (oidc("sessions", "list").code, oidc("sessions", "list").out) == (0, "No live session.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--user", "ada"),
        ("--user", "Ada Lovelace"),
        ("--user", "ada@example.com"),
        ("--issuer", ISSUER, "--subject", "ada"),
        ("--provider", "okta", "--user", "ada"),
    ],
)
def test_filters_choose(oidc: Oidc, office: OfficeDatabase, arguments: tuple[str, ...]) -> None:
    ada, bob = office.open(), office.open("bob", name="Bob")
    listed = oidc("sessions", "list", *arguments, "--json").data["sessions"]
    assert [each["subject"] for each in listed] == ["ada"]
    assert end(oidc, *arguments).code == 0
    assert (office.lives(ada), office.lives(bob)) == (False, True)


def test_one_session_is_named_by_the_beginning_of_its_id(oidc: Oidc, office: OfficeDatabase) -> None:
    first, second = office.open(), office.open()
    assert end(oidc, f"--session={first.id[:8]}").code == 0
    assert (office.lives(first), office.lives(second)) == (False, True)


def test_all_means_all(oidc: Oidc, office: OfficeDatabase) -> None:
    sessions = [office.open(f"s{number}") for number in range(7)]
    ended = end(oidc, "--all")
    assert ended.code == 0
    assert "7 sessions" in ended.out
    assert not any(map(office.lives, sessions))


def test_who_has_no_session_and_is_shut_out_all_the_same_has_a_row(oidc: Oidc, office: OfficeDatabase) -> None:
    """What the identity provider issued until now counts no more: the report named a reference that led nowhere."""
    ended = end(oidc, "--issuer", ISSUER, "--subject", "ada", reason="left")
    assert ended.code == 0
    (row,) = office.audit()
    assert row["correlation_id"] in ended.out
    assert (row["event"], row["reason"], row["issued"]) == ("auth.session_ended", "ended_by_admin", "all until now")
    assert (row["principal_id"], row["explanation"]) == (principal_id(ISSUER, "ada"), "left")
    assert row["ended_by"] == getpass.getuser()


def test_an_end_is_published_and_audited_with_its_reason(oidc: Oidc, office: OfficeDatabase) -> None:
    session = office.open()
    ended = end(oidc, "--user", "ada", reason="laptop   stolen")
    assert "Every API server knows within seconds." in ended.out
    named, revoked = office.store.revocations(after=0, now=int(time.time()))
    assert named.kind == "principal", "tokens that the identity provider issued have no session to end"
    assert (revoked.kind, revoked.key) == ("session", session.id)
    (row,) = office.audit()
    assert (row["event"], row["owner"], row["reason"]) == ("auth.session_ended", "Ada Lovelace", "ended_by_admin")
    assert (row["ended_by"], row["explanation"]) == (getpass.getuser(), "laptop stolen")
    assert row["correlation_id"] in ended.out
    assert row["session_ref"] == session.id[:8]


def test_nothing_that_matches_is_a_failure_which_a_script_hears_of(oidc: Oidc, office: OfficeDatabase) -> None:
    session = office.open()
    failed = end(oidc, "--user", "Ada")
    assert (failed.code, failed.out) == (1, "No live session matches; nothing was ended.\n")
    assert office.lives(session)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "or --all alone"),
        (("--all", "--user", "ada"), "or --all alone"),
        (("--subject", "ada"), "--subject and --issuer go together"),
        (("--issuer", ISSUER), "--subject and --issuer go together"),
        (("--user", "ada", "--issuer", ISSUER, "--subject", "ada"), "Name the person by --user, or by"),
        (("--session", "abc"), "at least the first 8 characters"),
        (("--session", "%%%%%%%%"), "at least the first 8 characters"),
    ],
)
def test_what_is_not_clear_ends_nothing(
    oidc: Oidc, office: OfficeDatabase, arguments: tuple[str, ...], text: str
) -> None:
    session = office.open()
    failed = end(oidc, *arguments)
    assert (failed.code, text in failed.err) == (1, True)
    assert office.lives(session)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 251, "forged\u202ename", "\udcff"])
def test_a_reason_must_say_something(oidc: Oidc, office: OfficeDatabase, reason: str) -> None:
    session = office.open()
    failed = end(oidc, "--all", reason=reason)
    assert (failed.code, "--reason must say why" in failed.err) == (1, True)
    assert office.lives(session)


def test_a_reason_is_required(oidc: Oidc, office: OfficeDatabase) -> None:
    with pytest.raises(SystemExit, match="2"):
        oidc("sessions", "end", "--all", "--yes")


def test_without_a_terminal_nobody_can_be_asked(oidc: Oidc, office: OfficeDatabase) -> None:
    session = office.open()
    failed = oidc("sessions", "end", "--all", "--reason", "x")
    assert (failed.code, "add --yes" in failed.err) == (1, True)
    assert office.lives(session)


@pytest.mark.parametrize(("answer", "ends"), [("y", True), ("YES", True), ("", False), ("n", False), ("yep", False)])
def test_the_question_shows_who_would_be_signed_out(
    oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch, answer: str, ends: bool
) -> None:
    session, asked = office.open(), []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)
    ran = oidc("sessions", "end", "--all", "--reason", "x")
    assert asked == ["End 1 session? [y/N] "]
    assert "Ada Lovelace" in ran.out
    assert (ran.code == 0, office.lives(session)) == (ends, not ends)


def test_sessions_end_also_where_no_fernet_key_is_configured(
    oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = office.open()
    monkeypatch.delenv("AIRFLOW__CORE__FERNET_KEY")
    monkeypatch.setattr(session_access, "read_secret_option", lambda *_: "")
    assert end(oidc, "--all").code == 0
    assert not office.lives(session)


def test_an_end_without_its_audit_row_is_a_failure_and_an_end(
    oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = office.open()

    def fail(*_: object, **__: object) -> None:
        raise SessionError("audit_unavailable", "no table")

    monkeypatch.setattr("airflow_oidc_auth.cli.end_sessions.write_audit", fail)
    ended = end(oidc, "--all")
    assert (ended.code, "1 audit row could not be written" in ended.out) == (1, True)
    assert not office.lives(session)


def test_a_database_without_our_tables_is_told_as_such(
    oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.storage.backends import build_engine

    engine = build_engine("sqlite://")
    monkeypatch.setattr(session_access, "airflow_transactions", engine.begin)
    failed = oidc("sessions", "list")
    assert (failed.code, "airflow db migrate" in failed.err) == (1, True)
    engine.dispose()


def test_a_name_cannot_move_the_cursor(oidc: Oidc, office: OfficeDatabase) -> None:
    office.open(name="Eve\x1b[2J\u202e")
    told = oidc("sessions", "list").out
    assert "\x1b" not in told
    assert "\u202e" not in told
