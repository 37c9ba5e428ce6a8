from __future__ import annotations

import getpass
import io
import sys
from pathlib import Path

import pytest
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.fab import links
from tests.storage.fab import FabDatabase
from tests.unit.cli.fab_users import CHOSEN, OKTA, OKTA_ID, add_oauth_user, audit
from tests.unit.cli.running import Oidc, Run
from tests.unit.fab.providers import document

BOB_ID = "00u9z8y7x6w5v4u3t2s1"


@pytest.fixture
def database(fab_users: FabDatabase) -> FabDatabase:
    """Two people of stock FAB's AUTH_OAUTH, one with a chosen name, and those who are nobody's."""
    root = fab_users.add_user("admin", ["Admin"], password=CHOSEN, login_count=9)
    add_oauth_user(fab_users, f"okta_{OKTA_ID}", "Op", "Viewer")
    add_oauth_user(fab_users, f"okta_{BOB_ID}")
    add_oauth_user(fab_users, "carl", "User", email="admin@example.com")
    add_oauth_user(fab_users, "okta_00uaaaaaaaaaaaaaaaaa", "Admin", password=CHOSEN)
    add_oauth_user(fab_users, "okta_00ubbbbbbbbbbbbbbbbb", "Admin", password=None, created_by_fk=root)
    add_oauth_user(fab_users, "OKTA_00ucccccccccccccccccc")
    add_oauth_user(fab_users, "okta_00uddddddddddddddddd", active=False)
    add_oauth_user(fab_users, "okta_00ueeeeeeeeeeeeeeeee", login_count=None, last_login=None)
    return fab_users


def outcomes(run: Run) -> dict[str, str]:
    return {user["username"]: user["outcome"] for user in run.data["users"]}


def linked_names(oidc: Oidc) -> list[str]:
    return [link["username"] for link in oidc("links", "--json").data["links"]]


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "users.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_dry_run_tells_everything_and_changes_nothing(oidc: Oidc, database: FabDatabase) -> None:
    told = oidc("migrate-fab", "--dry-run")
    assert told.code == 0
    assert "To link: 2 FAB users" in told.out
    assert "roles now: Op, Viewer" in told.out
    assert "what the rules give replaces what FAB has now" in told.out
    assert "Need a line in the mapping file: 4 FAB users" in told.out
    assert "Skipped: 3 FAB users" in told.out
    assert "Nothing was changed so far." in told.out
    assert linked_names(oidc) == []
    assert audit(database) == []


@pytest.mark.usefixtures("database")
def test_only_what_a_sign_in_has_named_is_proposed(oidc: Oidc) -> None:
    assert outcomes(oidc("migrate-fab", "--dry-run", "--json")) == {
        "admin": "skipped",
        f"okta_{OKTA_ID}": "link",
        f"okta_{BOB_ID}": "link",
        "carl": "needs_mapping",
        "okta_00uaaaaaaaaaaaaaaaaa": "needs_mapping",
        "okta_00ubbbbbbbbbbbbbbbbb": "needs_mapping",
        "OKTA_00ucccccccccccccccccc": "needs_mapping",
        "okta_00uddddddddddddddddd": "skipped",
        "okta_00ueeeeeeeeeeeeeeeee": "skipped",
    }


def test_all_links_are_made_and_audited_under_one_reference(oidc: Oidc, database: FabDatabase) -> None:
    done = oidc("migrate-fab", "--yes")
    assert done.code == 0
    assert "Linked: 2 FAB users" in done.out
    assert linked_names(oidc) == [f"okta_{OKTA_ID}", f"okta_{BOB_ID}"]
    rows = audit(database)
    assert [(row["event"], row["owner"]) for row in rows] == [("auth.user_linked", getpass.getuser())] * 2
    assert {(row["fab_user"], row["issuer"], row["subject"]) for row in rows} == {
        (f"okta_{OKTA_ID}", OKTA, OKTA_ID),
        (f"okta_{BOB_ID}", OKTA, BOB_ID),
    }
    assert {row["correlation_id"] in done.out for row in rows} == {True}


def test_a_second_run_proposes_nothing(oidc: Oidc, database: FabDatabase) -> None:
    oidc("migrate-fab", "--yes")
    again = oidc("migrate-fab", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "Nothing to link.")
    assert len(audit(database)) == 2


def test_a_mapping_file_names_the_others(oidc: Oidc, database: FabDatabase, tmp_path: Path) -> None:
    path = write(tmp_path, "username,subject\ncarl,00ucarl\nadmin,00uroot\n")
    done = oidc("migrate-fab", "--yes", "--mapping", path)
    assert done.code == 0
    assert linked_names(oidc) == ["admin", "carl", f"okta_{OKTA_ID}", f"okta_{BOB_ID}"]
    assert len(audit(database)) == 4
    again = oidc("migrate-fab", "--yes", "--mapping", path)
    assert (again.code, again.out.splitlines()[-1]) == (0, "Nothing to link.")


def test_one_bad_row_and_nothing_is_written(oidc: Oidc, database: FabDatabase, tmp_path: Path) -> None:
    path = write(tmp_path, "username,subject\ncarl,00ucarl\neve,x\ncarl,y\nadmin\n")
    failed = oidc("migrate-fab", "--yes", "--mapping", path)
    assert failed.code == 1
    assert [f"  line {number}  " in failed.out for number in (2, 3, 4, 5)] == [False, True, True, True]
    assert "3 problems. Nothing was changed." in failed.out
    assert [each["line"] for each in oidc("migrate-fab", "--json", "--mapping", path).data["problems"]] == [3, 4, 5]
    assert linked_names(oidc) == []
    assert audit(database) == []


def test_all_links_or_none(oidc: Oidc, database: FabDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    real = links.link

    def fail_at_bob(transaction: Transaction, user: str | int, issuer: str, subject: str, **more: object) -> object:
        if subject == BOB_ID:
            raise OidcAuthError("fab_already_linked", "somebody signed in meanwhile")
        return real(transaction, user, issuer, subject, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(links, "link", fail_at_bob)
    assert oidc("migrate-fab", "--yes").code == 1
    assert linked_names(oidc) == []
    assert audit(database) == []


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_without_a_terminal_a_script_must_say_yes(
    oidc: Oidc, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    failed = oidc("migrate-fab", *arguments)
    assert failed.code == 1
    assert "add --yes" in failed.out + failed.err
    assert linked_names(oidc) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("answer", "linked"), [("y\n", 2), ("Yes\n", 2), ("n\n", 0), ("\n", 0), ("", 0)])
def test_on_a_terminal_somebody_is_asked_after_seeing_the_links(
    oidc: Oidc, monkeypatch: pytest.MonkeyPatch, answer: str, linked: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    run = oidc("migrate-fab")
    assert "To link: 2 FAB users" in run.out
    assert "Link 2 FAB users? [y/N]" in run.out
    assert run.code == (0 if linked else 1)
    assert len(linked_names(oidc)) == linked


@pytest.mark.usefixtures("database")
def test_a_provider_can_be_named(oidc: Oidc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(document("okta", "okta-test"), encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(path))
    assert "name one with --provider" in oidc("migrate-fab", "--dry-run").out
    users = oidc("migrate-fab", "--dry-run", "--json", "--provider", "okta-test").data["users"]
    assert {user["issuer"] for user in users if user["outcome"] == "link"} == {"https://acme-test.okta.com"}
    failed = oidc("migrate-fab", "--dry-run", "--provider", "octa")
    assert (failed.code, failed.err.strip()) == (1, "There is no provider 'octa'. Configured: okta, okta-test.")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_a_mapping_file_that_cannot_be_read_is_a_clean_failure(oidc: Oidc, name: str) -> None:
    failed = oidc("migrate-fab", "--dry-run", "--mapping", name)
    assert failed.code == 1
    assert f"Cannot read {name}" in failed.err


@pytest.mark.usefixtures("fab_users")
def test_an_airflow_without_users_has_nothing_to_link(oidc: Oidc) -> None:
    assert oidc("migrate-fab").out.strip() == "Nothing to link."
