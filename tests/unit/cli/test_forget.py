from __future__ import annotations

import getpass

import pytest
from sqlalchemy import select, update

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.audit.pseudonym import Person, forget, pseudonym_of
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.records import build_login, build_refusal
from airflow_oidc_auth.sessions.models import fab_users, principals, sessions
from airflow_oidc_auth.sessions.session import Opened
from tests.storage.people import ISSUER, sign_in
from tests.unit.cli.office_database import OfficeDatabase
from tests.unit.cli.running import Oidc, Run

ADA = ("--issuer", ISSUER, "--subject", "ada")
PERSONAL = ("ada", "Ada Lovelace", "ada@example.com")


def history(office: OfficeDatabase):
    """Let Ada and Bob sign in, Ada be refused once, and Ada end a session of Bob's."""
    sink, context = AirflowLogSink(office.transactions), RequestContext("192.0.2.7", "reference")
    ada, bob = office.open(), office.open("bob", name="Ada Lovelace")
    for session in (ada, bob):
        sink.write(build_login(Opened(session, None), "reference", context, {"fact": session.email or ""}))
    sink.write(build_refusal(sign_in().identity, "no_matching_rule", "reference", context))
    by_ada = (("ended_by", "Ada Lovelace"), ("ended_by_id", ada.principal_id))
    sink.write(AuditRecord(AuthEvent.SESSION_ENDED, "r", "ended_by_admin", "Bob", subject="bob", detail=by_ada))
    linked = {"owner": "root", "issuer": ISSUER, "subject": "ada", "detail": (("fab_user", "ada"),)}
    sink.write(AuditRecord(AuthEvent.USER_LINKED, "r", "admin_request", **linked))
    return ada, bob


def run(oidc: Oidc, *more: str) -> Run:
    return oidc("forget", *ADA, "--yes", *more)


def test_sessions_principal_and_names_are_gone_and_what_happened_stays(oidc: Oidc, office: OfficeDatabase) -> None:
    ada, bob = history(office)
    done = run(oidc)
    assert done.code == 0, done.err
    assert not office.lives(ada)
    assert office.lives(bob)
    with office.transactions() as transaction:
        assert transaction.execute(select(principals.c.subject)).scalars().all() == ["bob"]
        assert transaction.execute(select(sessions.c.id)).scalars().all() == [bob.id]
    login, bobs, refused, ended, linked, last, forgotten = office.audit()
    for row in (login, refused, last, forgotten):
        assert row["owner"] == row["subject"] == row["owner"]
        assert row["owner"].startswith("forgotten-")
        assert not any(personal in row.values() for personal in (*PERSONAL, ada.principal_id))
    assert login["fact"] == login["owner"]
    assert (login["event"], login["issuer"], login["client_address"]) == ("auth.login", ISSUER, "192.0.2.7")
    assert last["reason"] == "forgotten"
    assert (bobs["owner"], bobs["subject"]) == ("Ada Lovelace", "bob")
    assert (ended["owner"], ended["ended_by"], ended["ended_by_id"]) == ("Bob", login["owner"], login["owner"])
    assert (linked["owner"], linked["subject"], linked["fab_user"]) == ("root", login["owner"], login["owner"])
    assert login["owner"] in done.out


def test_who_has_no_session_is_not_forgotten_without_a_trace(oidc: Oidc, office: OfficeDatabase) -> None:
    """The names in an audit were changed, and no row told that, by whom and how many."""
    refusal = build_refusal(sign_in().identity, "no_matching_rule", "reference", RequestContext(None, "reference"))
    AirflowLogSink(office.transactions).write(refusal)
    assert run(oidc).code == 0
    refused, forgotten = office.audit()
    assert (forgotten["event"], forgotten["ended_by"]) == ("auth.user_forgotten", getpass.getuser())
    assert (forgotten["sessions"], forgotten["audit_rows"]) == (0, 1)
    assert forgotten["owner"] == forgotten["subject"] == refused["subject"]


def test_a_dry_run_changes_nothing(oidc: Oidc, office: OfficeDatabase) -> None:
    ada, _ = history(office)
    before = office.audit()
    planned = oidc("forget", *ADA, "--dry-run", "--json").data
    assert (planned["exit_code"], planned["sessions"], planned["audit_rows"], planned["dry_run"]) == (0, 1, 4, True)
    assert office.lives(ada)
    assert office.audit() == before
    assert "Would be forgotten" in oidc("forget", *ADA, "--dry-run").out


def test_a_second_run_finds_nothing(oidc: Oidc, office: OfficeDatabase) -> None:
    history(office)
    run(oidc)
    again = run(oidc)
    assert (again.code, again.out) == (1, "Nothing is kept of this subject of this issuer.\n")


@pytest.mark.parametrize("subject", ["Ada", "ada ", "Ada Lovelace", "ad%"])
def test_a_subject_that_is_not_exactly_theirs_forgets_nobody(oidc: Oidc, office: OfficeDatabase, subject: str) -> None:
    ada, _ = history(office)
    assert oidc("forget", "--issuer", ISSUER, "--subject", subject, "--yes").code == 1
    assert oidc("forget", "--issuer", "https://other.example", "--subject", "ada", "--yes").code == 1
    assert office.lives(ada)


def test_it_asks_first(oidc: Oidc, office: OfficeDatabase) -> None:
    ada, _ = history(office)
    failed = oidc("forget", *ADA)
    assert (failed.code, "add --yes" in failed.err) == (1, True)
    assert office.lives(ada)


def test_the_link_to_fabs_user_goes_and_the_user_is_named(oidc: Oidc, office: OfficeDatabase) -> None:
    ada, _ = history(office)
    link = {"user_id": 7, "user_created_on": "", "given_roles": "[]", "linked_at": 1, "linked_by": "sign-in"}
    with office.transactions() as transaction:
        transaction.execute(fab_users.insert().values(principal_id=ada.principal_id, **link))
    done = run(oidc)
    assert "FAB's own user (id 7) stays" in done.out
    with office.transactions() as transaction:
        assert transaction.execute(select(fab_users)).all() == []


def test_a_row_that_is_no_json_is_passed_over(oidc: Oidc, office: OfficeDatabase) -> None:
    from airflow.models.log import Log

    history(office)
    with office.transactions() as transaction:
        transaction.execute(update(Log).where(Log.id == 1).values(extra='{"subject": "ada", broken'))
    assert run(oidc).code == 0


def test_pseudonyms_are_stable_keyed_and_differ() -> None:
    assert pseudonym_of(b"k", "p") == pseudonym_of(b"k", "p")
    assert len({pseudonym_of(b"k", "p"), pseudonym_of(b"k", "q"), pseudonym_of(b"other", "p")}) == 3


def test_a_name_alone_does_not_make_a_row_somebodys() -> None:
    ada = Person(ISSUER, "ada", "p" * 24, frozenset({"Ada"}))
    assert forget("auth.login", "Ada", {"issuer": ISSUER, "subject": "bob", "name": "Ada"}, ada, "x") is None
