from __future__ import annotations

import getpass

import pytest

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.errors import SessionError
from tests.storage.fab import FabDatabase
from tests.unit.cli.fab_users import OKTA, OKTA_ID, add_oauth_user, audit
from tests.unit.cli.running import Oidc, Run


@pytest.fixture
def database(fab_users: FabDatabase) -> FabDatabase:
    add_oauth_user(fab_users, "ada", "Op")
    add_oauth_user(fab_users, "Bob")
    return fab_users


def link(oidc: Oidc, username: str = "ada", issuer: str = OKTA, subject: str = OKTA_ID, *more: str) -> Run:
    return oidc("link", username, "--issuer", issuer, "--subject", subject, *more)


def test_a_link_is_told_listed_and_audited(oidc: Oidc, database: FabDatabase) -> None:
    linked = link(oidc)
    assert (linked.code, linked.err) == (0, "")
    assert linked.out.startswith("Linked.")
    assert "The next sign-in of this identity is this user's, and recomputes its roles." in linked.out

    (row,) = audit(database)
    assert (row["event"], row["owner"]) == ("auth.user_linked", getpass.getuser())
    assert (row["fab_user"], row["issuer"], row["subject"]) == ("ada", OKTA, OKTA_ID)
    assert row["correlation_id"] in linked.out

    (listed,) = oidc("links", "--json").data["links"]
    assert (listed["username"], listed["subject"], listed["linked_by"]) == ("ada", OKTA_ID, getpass.getuser())
    told = oidc("links").out
    assert all(text in told for text in ("1 link", "ada", OKTA, OKTA_ID, getpass.getuser(), "since (UTC)"))


def test_json_tells_the_same(oidc: Oidc, database: FabDatabase) -> None:
    data = link(oidc, "Bob", OKTA, OKTA_ID, "--json").data
    assert (data["exit_code"], data["username"], data["issuer"], data["subject"]) == (0, "Bob", OKTA, OKTA_ID)
    assert data["correlation_id"] == audit(database)[0]["correlation_id"]


@pytest.mark.parametrize(
    ("username", "issuer", "subject", "text"),
    [
        ("Ada", OKTA, OKTA_ID, "FAB has no user 'Ada': did you mean ada? Letter case counts."),
        ("eve", OKTA, OKTA_ID, "FAB has no user 'eve'."),
        ("ada", OKTA + "/", OKTA_ID, f"did you mean {OKTA}?"),
        ("ada", "https://evil.example", OKTA_ID, f"Configured: {OKTA} (okta)."),
        ("ada", OKTA, " x", "the subject has spaces around it"),
        ("ada", OKTA, "", "the subject must have 1 to 255 characters"),
    ],
)
def test_what_cannot_be_linked_is_refused_and_changes_nothing(
    oidc: Oidc, database: FabDatabase, username: str, issuer: str, subject: str, text: str
) -> None:
    failed = link(oidc, username, issuer, subject)
    assert (failed.code, failed.out) == (1, "")
    assert text in failed.err
    assert link(oidc, username, issuer, subject, "--json").data["exit_code"] == 1
    assert oidc("links", "--json").data["links"] == []
    assert audit(database) == []


@pytest.mark.parametrize(
    ("username", "subject", "text"),
    [
        (
            "ada",
            "00u2",
            f"User 'ada' is linked to subject '{OKTA_ID}' of {OKTA} already. Run `airflow oidc unlink ada`",
        ),
        ("Bob", OKTA_ID, f"Subject '{OKTA_ID}' of {OKTA} is linked to user 'ada' already."),
        ("ada", OKTA_ID, f"Subject '{OKTA_ID}' of {OKTA} is linked to this user already."),
    ],
)
def test_a_second_link_is_refused_with_the_first(
    oidc: Oidc, database: FabDatabase, username: str, subject: str, text: str
) -> None:
    link(oidc)
    failed = link(oidc, username, OKTA, subject)
    assert failed.code == 1
    assert text in failed.err
    assert len(audit(database)) == 1


def test_a_deleted_user_gives_the_identity_free(oidc: Oidc, database: FabDatabase) -> None:
    user_id = database.users()[0].id
    link(oidc)
    database.delete_user(user_id)
    assert f"(deleted user {user_id})" in oidc("links").out
    assert link(oidc, "Bob").code == 0


def test_unlink_is_audited_and_makes_room(oidc: Oidc, database: FabDatabase) -> None:
    link(oidc)
    gone = oidc("unlink", "ada")
    assert gone.code == 0
    assert "Its sessions end within seconds." in gone.out
    assert [row["event"] for row in audit(database)] == ["auth.user_linked", "auth.user_unlinked"]
    assert (audit(database)[1]["fab_user"], audit(database)[1]["subject"]) == ("ada", OKTA_ID)
    assert "No FAB user is linked to an identity." in oidc("links").out
    assert link(oidc, "Bob").code == 0


def test_an_identity_can_be_unlinked_when_its_user_is_gone(oidc: Oidc, database: FabDatabase) -> None:
    link(oidc)
    database.delete_user(database.users()[0].id)
    assert oidc("unlink", "--issuer", OKTA, "--subject", OKTA_ID).code == 0
    assert oidc("links", "--json").data["links"] == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "Name the FAB user, or the identity"),
        (("ada", "--issuer", OKTA, "--subject", OKTA_ID), "Name the FAB user, or the identity"),
        (("--issuer", OKTA), "with both --issuer and --subject"),
        (("ada", "--subject", OKTA_ID), "with both --issuer and --subject"),
        (("ada",), "User 'ada' is not linked to any identity."),
        (("ADA",), "did you mean ada?"),
        (("--issuer", OKTA, "--subject", "00u9"), "There is no such link."),
    ],
)
def test_unlink_refuses_what_is_not_there_or_not_clear(
    oidc: Oidc, database: FabDatabase, arguments: tuple[str, ...], text: str
) -> None:
    failed = oidc("unlink", *arguments)
    assert failed.code == 1
    assert text in failed.err
    assert audit(database) == []


def test_no_link_without_its_audit_row(oidc: Oidc, database: FabDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: AirflowLogSink, record: AuditRecord) -> None:
        raise SessionError("audit_unavailable", record.event.value)

    with monkeypatch.context() as patched:
        patched.setattr(AirflowLogSink, "write", fail)
        assert link(oidc).code == 1
    assert oidc("links", "--json").data["links"] == []
    assert audit(database) == []


def test_a_name_cannot_act_on_the_terminal(oidc: Oidc, fab_users: FabDatabase) -> None:
    add_oauth_user(fab_users, "a\x1b[2Jda")
    assert "\x1b" not in link(oidc, "a\x1b[2Jda").out + oidc("links").out


@pytest.mark.usefixtures("no_fab_tables")
@pytest.mark.parametrize("command", [("links",), ("unlink", "ada"), ("migrate-fab", "--dry-run")])
def test_a_database_without_fab_is_told_what_to_run(oidc: Oidc, command: tuple[str, ...]) -> None:
    failed = oidc(*command)
    assert failed.code == 1
    assert "airflow fab-db migrate" in failed.err
