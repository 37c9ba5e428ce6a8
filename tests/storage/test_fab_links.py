"""Linking an existing FAB user to an identity, on each database."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from sqlalchemy import select

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.fab.links import build_linked, build_unlinked, find_links, link, unlink, unlink_identity
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.sessions.models import fab_users, principals
from airflow_oidc_auth.sessions.principal import principal_id
from tests.storage.fab import KEEPING, FabDatabase
from tests.storage.people import ISSUER, NOW
from tests.storage.test_fab_accounts import VIEWER, enter, grant, person, refused, user_of


def link_now(fab: FabDatabase, user: str | int, subject: str = "ada", issuer: str = ISSUER):
    with fab.transactions() as transaction:
        return link(transaction, user, issuer, subject, by="root", now=NOW)


def link_fails(fab: FabDatabase, user: str | int, subject: str = "ada", issuer: str = ISSUER) -> OidcAuthError:
    before = fab.rows(select(fab_users)), fab.rows(select(principals))
    with pytest.raises(OidcAuthError) as caught:
        link_now(fab, user, subject, issuer)
    assert (fab.rows(select(fab_users)), fab.rows(select(principals))) == before
    return caught.value


def listed(fab: FabDatabase):
    with fab.transactions() as transaction:
        return find_links(transaction)


@pytest.mark.parametrize("by_id", [False, True])
def test_a_linked_user_is_who_signs_in(fab, by_id):
    user_id = fab.add_user("ada.lovelace", ["Op"])
    made = link_now(fab, user_id if by_id else "ada.lovelace")
    opened = enter(fab, person(), VIEWER, FabSettings())
    assert user_of(fab).id == user_id
    assert opened.previous_roles == ("Op",)
    assert fab.roles_of(user_id) == {"Viewer"}
    assert len(fab.users()) == 1
    assert (made.user_id, made.username, made.linked_by, made.linked_at) == (user_id, "ada.lovelace", "root", NOW)


def test_roles_that_a_linked_user_had_stay_behind_the_switch(fab):
    user_id = fab.add_user("ada.lovelace", ["Op"])
    link_now(fab, "ada.lovelace")
    assert dict(enter(fab, person(), VIEWER, KEEPING).notes)["kept_roles"] == "Op"
    assert fab.roles_of(user_id) == {"Op", "Viewer"}
    enter(fab, person(), grant("User"), KEEPING)
    assert fab.roles_of(user_id) == {"Op", "User"}


@pytest.mark.parametrize("spelling", ["Ada.Lovelace", "ADA.LOVELACE", "ada.lovelace ", "àda.lovelace", "ada.lovelac"])
def test_only_the_exact_name_is_linked_and_the_right_one_is_suggested(fab, spelling):
    fab.add_user("ada.lovelace", ["Admin"])
    error = link_fails(fab, spelling)
    assert error.code == "fab_user_unknown"
    assert "'ada.lovelace'" in error.hint


@pytest.mark.parametrize("user", ["", "%", "nobody", 0, -1, 4711])
def test_an_unknown_user_is_not_linked(fab, user):
    fab.add_user("ada.lovelace")
    assert link_fails(fab, user).code == "fab_user_unknown"


def test_a_user_or_an_identity_that_is_linked_is_not_linked_again(fab):
    fab.add_user("one")
    fab.add_user("two")
    link_now(fab, "one", "ada")
    for user, subject in (("one", "ada"), ("one", "bob"), ("two", "ada")):
        error = link_fails(fab, user, subject)
        assert (error.code, "'one'" in error.detail) == ("fab_already_linked", True)
    link_now(fab, "two", "bob")
    assert [(known.username, known.subject) for known in listed(fab)] == [("one", "ada"), ("two", "bob")]


def test_a_user_that_a_sign_in_made_is_linked_already(fab):
    enter(fab, person())
    fab.add_user("two")
    assert link_fails(fab, user_of(fab).id, "bob").code == "fab_already_linked"
    assert link_fails(fab, "two", "ada").code == "fab_already_linked"


@pytest.mark.parametrize(("issuer", "subject"), [("", "ada"), (ISSUER, ""), (ISSUER, "a\nb"), (ISSUER, "a" * 1025)])
def test_an_identity_that_nobody_can_have_is_not_linked(fab, issuer, subject):
    fab.add_user("one")
    assert link_fails(fab, "one", subject, issuer).code == "identity_not_storable"


def test_the_number_of_a_deleted_user_can_be_linked_anew(fab):
    user_id = fab.add_user("one")
    link_now(fab, "one", "ada")
    fab.delete_user(user_id)
    assert [known.username for known in listed(fab)] == [None]
    fab.add_user("other", id=user_id, created_on=None)
    assert [known.username for known in listed(fab)] == [None], "the stranger has nothing to do with the old link"
    link_now(fab, "other", "bob")
    assert [(known.username, known.subject) for known in listed(fab)] == [("other", "bob")]


def test_a_person_whose_user_was_deleted_can_be_linked_anew(fab):
    fab.delete_user(link_and_id(fab))
    fab.add_user("two")
    link_now(fab, "two", "ada")
    assert [(known.username, known.subject) for known in listed(fab)] == [("two", "ada")]


def link_and_id(fab: FabDatabase) -> int:
    user_id = fab.add_user("one")
    link_now(fab, "one", "ada")
    return user_id


def test_unlinking_leaves_the_user_and_lets_the_identity_begin_anew(fab):
    user_id = fab.add_user("one", ["Admin"])
    link_now(fab, "one")
    with fab.transactions() as transaction:
        gone = unlink(transaction, "one")
    assert (gone.username, gone.subject) == ("one", "ada")
    assert listed(fab) == ()
    assert fab.roles_of(user_id) == {"Admin"}
    assert refused(fab, person(), settings=FabSettings()).code == "fab_registration_closed"
    enter(fab, person())
    assert user_of(fab).id != user_id


def test_unlinking_by_identity_works_without_the_user(fab):
    fab.delete_user(link_and_id(fab))
    with fab.transactions() as transaction:
        assert unlink_identity(transaction, ISSUER, "ada").username is None
    assert listed(fab) == ()


@pytest.mark.parametrize(("user", "code"), [("nobody", "fab_user_unknown"), ("one", "fab_not_linked"), ("ONE", None)])
def test_what_is_not_linked_is_not_unlinked(fab, user, code):
    fab.add_user("one")
    with fab.transactions() as transaction, pytest.raises(OidcAuthError) as caught:
        unlink(transaction, user)
    assert caught.value.code == (code or "fab_user_unknown")
    with fab.transactions() as transaction, pytest.raises(OidcAuthError) as caught:
        unlink_identity(transaction, ISSUER, "ada")
    assert caught.value.code == "fab_not_linked"


def test_a_changed_principal_is_not_linked(fab):
    enter(fab, person())
    fab.add_user("two")
    with fab.engine.begin() as connection:
        connection.execute(fab_users.delete())
        connection.execute(principals.update().values(subject="eve"))
    assert link_fails(fab, "two").code == "principal_conflict"


def test_a_link_and_its_audit_row_are_one_transaction(fab):
    from airflow.models.log import Log

    Log.__table__.drop(fab.engine, checkfirst=True)
    Log.__table__.create(fab.engine)
    fab.add_user("one")

    def link_and_audit(*, fail: bool) -> None:
        with fab.transactions() as transaction:
            sink = AirflowLogSink(lambda: nullcontext(transaction))
            linked = link(transaction, "one", ISSUER, "ada", by="root", now=NOW)
            sink.write(build_linked(linked, by="root", correlation_id="c-1"))
            if fail:
                raise RuntimeError("before the commit")

    try:
        with pytest.raises(RuntimeError):
            link_and_audit(fail=True)
        assert fab.rows(select(Log.__table__.c.id)) == []
        assert listed(fab) == ()
        link_and_audit(fail=False)
        (row,) = fab.rows(select(Log.__table__.c.event, Log.__table__.c.owner, Log.__table__.c.extra))
        assert (row.event, row.owner) == ("auth.user_linked", "root")
        assert '"subject": "ada"' in row.extra
        assert '"fab_user": "one"' in row.extra
    finally:
        Log.__table__.drop(fab.engine)


def test_the_rows_name_who_whom_and_by_whom(fab):
    fab.add_user("one")
    linked = link_now(fab, "one")
    record = build_unlinked(linked, by="root", correlation_id="c-2")
    assert (record.event, record.owner, record.correlation_id) == (AuthEvent.USER_UNLINKED, "root", "c-2")
    assert (record.issuer, record.subject, record.principal_id) == (ISSUER, "ada", principal_id(ISSUER, "ada"))
    assert dict(record.detail) == {"fab_user": "one", "fab_user_id": linked.user_id}
