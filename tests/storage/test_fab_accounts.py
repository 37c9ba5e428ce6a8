"""What a sign-in does to FAB's users, on each database."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Barrier

import pytest
from sqlalchemy import func, insert, select
from werkzeug.security import check_password_hash

from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.fab.accounts import KEPT_RULE
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.fab.tables import forget_links_of_deleted_users
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions.models import fab_users, principals, sessions
from airflow_oidc_auth.sessions.principal import principal_id
from tests.storage.fab import KEEPING, OPEN, FabDatabase, counted
from tests.storage.people import ADMIN, HOUR, ISSUER, NOW, sign_in

VIEWER = Grant(("Viewer",), matches=(RuleMatch("all", "grants.rules[1]", ("Viewer",)),))
BOTH = Grant(("Op", "Viewer"), matches=(RuleMatch("both", "grants.rules[2]", ("Op", "Viewer")),))


def grant(*roles: str) -> Grant:
    return Grant(tuple(sorted(roles)), matches=(RuleMatch("rule", "grants.rules[0]", roles),))


def person(subject: str = "ada", *, name: str = "Ada Lovelace", email: str | None = "ada@example.com") -> SignIn:
    signed_in = sign_in(subject)
    return replace(signed_in, identity=replace(signed_in.identity, name=name, email=email))


def enter(fab: FabDatabase, who: SignIn, roles: Grant = VIEWER, settings: FabSettings = OPEN):
    return fab.store(settings).open(who, roles, now=NOW, expires_at=NOW + HOUR, client_address=None)


def count(fab: FabDatabase, table) -> int:
    return fab.rows(select(func.count()).select_from(table))[0][0]


def user_of(fab: FabDatabase, subject: str = "ada"):
    """Return the FAB user that the link of somebody names."""
    users = fab.tables.users
    mine = fab_users.c.principal_id == principal_id(ISSUER, subject)
    query = select(users).join(fab_users, fab_users.c.user_id == users.c.id).where(mine)
    (row,) = fab.rows(query)
    return row


def refused(fab: FabDatabase, who: SignIn, roles: Grant = VIEWER, settings: FabSettings = OPEN) -> LoginRefused:
    before = [count(fab, table) for table in (principals, sessions, fab_users, fab.tables.users)]
    with pytest.raises(LoginRefused) as caught:
        enter(fab, who, roles, settings)
    assert [count(fab, table) for table in (principals, sessions, fab_users, fab.tables.users)] == before
    return caught.value


def test_a_first_sign_in_makes_a_user_that_nobody_can_sign_in_to_with_a_password(fab):
    opened = enter(fab, person())
    user = user_of(fab)
    assert user.username == f"ada@example.com~{opened.session.principal_id[:10]}"
    assert (user.first_name, user.last_name, user.email) == ("Ada", "Lovelace", "ada@example.com")
    assert (user.active, user.login_count, user.created_by_fk, user.changed_by_fk) == (True, 1, None, None)
    assert not any(check_password_hash(user.password, guess) for guess in ("", "!", user.password))
    assert fab.roles_of(user.id) == {"Viewer"}
    assert opened.previous_roles is None
    assert dict(opened.notes) == {"fab_user": user.username, "linked": "created"}


def test_a_second_sign_in_finds_the_same_user_whatever_the_idp_now_calls_them(fab):
    enter(fab, person())
    opened = enter(fab, person(name="Countess", email="countess@example.com"), BOTH)
    (user,) = fab.users()
    assert (user.login_count, fab.roles_of(user.id)) == (2, {"Op", "Viewer"})
    assert opened.previous_roles == ("Viewer",)
    assert dict(opened.notes) == {"fab_user": user.username}


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("admin", None),
        ("ADMIN", None),
        ("Admin", "admin@local.example"),
        ("admin", "ADMIN@Local.Example"),
        ("x", "admin"),
        ("admin\n", None),
        ("admin\0", None),
        ("ad\u200bmin", None),
        ("\u202enimda", None),
        ("\uff41dmin", None),
        ("\u0430dmin", "admin@local.example\n"),
        ("admin ", " admin@local.example"),
        ("", ""),
        ("\ud800", "\ud800@local.example"),
        ("\U0001f511" * 300, "\U0001f511@local.example"),
        ("a" * 5000, "a" * 5000 + "@local.example"),
        ("' OR 1=1 --", "'@local.example"),
    ],
)
def test_nobody_becomes_an_existing_user_by_name_or_e_mail(fab, name, email):
    admin = fab.add_user("admin", ["Admin"])
    enter(fab, person("eve", name=name, email=email))
    user = user_of(fab, "eve")
    assert user.id != admin
    assert fab.roles_of(user.id) == {"Viewer"}
    assert fab.roles_of(admin) == {"Admin"}
    mine = principal_id(ISSUER, "eve")
    assert user.username.endswith(f"~{mine[:10]}")
    assert user.username.isprintable()
    assert len(user.username) <= 200
    assert user.email.casefold() != "admin@local.example"


@pytest.mark.parametrize("email", ["ada@local.example", "ADA@LOCAL.EXAMPLE"])
def test_an_e_mail_that_is_taken_in_any_letter_case_is_not_used(fab, email):
    fab.add_user("ada")
    enter(fab, person(email=email))
    mine = principal_id(ISSUER, "ada")
    assert user_of(fab).email == f"{mine}@okta.invalid"


@pytest.mark.parametrize("change", [str, str.upper])
def test_somebody_who_already_has_the_would_be_name_keeps_it(fab, change):
    mine = principal_id(ISSUER, "ada")
    squatter = fab.add_user(change(f"ada@example.com~{mine[:10]}"), ["Admin"])
    enter(fab, person())
    assert user_of(fab).id != squatter
    assert user_of(fab).username == f"ada@example.com~{mine}"


def test_a_person_is_refused_when_every_name_is_taken(fab):
    mine = principal_id(ISSUER, "ada")
    fab.add_user(f"ada@example.com~{mine[:10]}")
    fab.add_user(f"ADA@example.com~{mine}".upper())
    assert refused(fab, person()).code == "fab_user_conflict"


def test_a_stranger_who_got_the_number_of_a_deleted_user_is_not_that_person(fab):
    enter(fab, person(), ADMIN)
    user_id = user_of(fab).id
    fab.delete_user(user_id)
    fab.add_user("bob", ["Admin"], id=user_id)
    opened = enter(fab, person(), VIEWER)
    assert user_of(fab).id != user_id
    assert fab.roles_of(user_id) == {"Admin"}
    assert fab.roles_of(user_of(fab).id) == {"Viewer"}
    assert opened.previous_roles is None


def test_a_new_user_with_the_number_of_a_deleted_one_replaces_the_void_link(fab):
    enter(fab, person("ada"))
    ada = user_of(fab, "ada").id
    with fab.engine.begin() as connection:
        connection.execute(fab_users.update().values(user_id=ada + 1))
    if fab.engine.dialect.name == "sqlite":
        enter(fab, person("bob", email=None))
        assert user_of(fab, "bob").id == ada + 1
        assert count(fab, fab_users) == 1


def test_deleting_a_user_through_fabs_models_deletes_the_link(fab):
    from airflow.providers.fab.auth_manager.models import User

    forget_links_of_deleted_users()
    forget_links_of_deleted_users()
    enter(fab, person("ada"))
    enter(fab, person("bob", email=None))
    with fab.transactions() as transaction:
        transaction.delete(transaction.get(User, user_of(fab, "ada").id))
    (left,) = fab.rows(select(fab_users.c.principal_id))
    assert left.principal_id == principal_id(ISSUER, "bob")


def test_before_our_tables_are_made_fab_can_delete_its_users(fab):
    from airflow.providers.fab.auth_manager.models import User

    forget_links_of_deleted_users()
    user_id = fab.add_user("grace")
    fab_users.drop(fab.engine)
    with fab.transactions() as transaction:
        transaction.delete(transaction.get(User, user_id))
    assert count(fab, fab.tables.users) == 0


def test_a_deleted_user_does_not_come_back_when_registration_is_closed(fab):
    enter(fab, person())
    fab.delete_user(user_of(fab).id)
    assert refused(fab, person(), settings=FabSettings()).code == "fab_registration_closed"


def test_registration_closed_leaves_no_trace(fab):
    fab.add_user("ada@example.com", ["Admin"])
    assert refused(fab, person(), settings=FabSettings()).code == "fab_registration_closed"


@pytest.mark.parametrize("active", [False, None])
def test_a_deactivated_user_is_refused_and_keeps_the_last_roles(fab, active):
    enter(fab, person())
    user = user_of(fab)
    fab.change_user(user.id, active=active)
    error = refused(fab, person(), ADMIN)
    assert (error.code, error.evidence) == ("fab_user_inactive", {"fab_user": user.username})
    assert fab.roles_of(user.id) == {"Viewer"}


def test_roles_are_those_of_this_sign_in_and_no_others(fab):
    enter(fab, person(), BOTH)
    user = user_of(fab)
    fab.assign(user.id, "Admin")
    opened = enter(fab, person(), VIEWER)
    assert fab.roles_of(user.id) == {"Viewer"}
    assert opened.previous_roles == ("Admin", "Op", "Viewer")
    assert opened.session.grant.roles == ("Viewer",)


def test_roles_assigned_in_fab_stay_behind_the_switch_and_are_named(fab):
    enter(fab, person(), BOTH, KEEPING)
    user = user_of(fab)
    fab.assign(user.id, "User")
    opened = enter(fab, person(), VIEWER, KEEPING)
    assert fab.roles_of(user.id) == {"User", "Viewer"}
    assert opened.session.grant.roles == ("User", "Viewer")
    assert opened.session.grant.matches[-1] == RuleMatch(KEPT_RULE, "grants.keep_assigned_roles", ("User",))
    assert dict(opened.notes)["kept_roles"] == "User"
    assert fab.store().load(opened.session.id, now=NOW) == opened.session


def test_a_role_that_was_given_and_is_no_longer_mapped_goes_even_behind_the_switch(fab):
    enter(fab, person(), BOTH, KEEPING)
    enter(fab, person(), VIEWER, KEEPING)
    assert fab.roles_of(user_of(fab).id) == {"Viewer"}


@pytest.mark.parametrize("name", ["viewer", "VIEWER", "Viewer ", "Vi\u200bewer", "Viewér"])
def test_a_role_of_another_spelling_is_missing(fab, name, caplog):
    caplog.set_level(logging.ERROR)
    opened = enter(fab, person(), grant(name, "Op"))
    assert fab.roles_of(user_of(fab).id) == {"Op"}
    assert opened.session.grant.roles == ("Op",)
    assert opened.session.grant.matches[0].roles == ("Op",)
    assert dict(opened.notes)["missing_roles"] == name
    assert repr(name) in caplog.text


def test_nobody_enters_when_every_mapped_role_is_missing(fab):
    error = refused(fab, person(), grant("viewer", "Gone"))
    assert error.code == "fab_role_missing"
    assert error.evidence == {"missing_roles": "Gone, viewer"}
    assert "Gone, viewer" in error.hint


def test_a_mapped_role_deleted_since_the_last_sign_in_is_reported(fab):
    enter(fab, person(), BOTH)
    fab.delete_role("Op")
    opened = enter(fab, person(), BOTH)
    assert opened.session.grant.roles == ("Viewer",)
    assert dict(opened.notes)["missing_roles"] == "Op"
    fab.delete_role("Viewer")
    assert refused(fab, person(), BOTH).code == "fab_role_missing"


def test_losing_every_group_leaves_no_role(fab):
    enter(fab, person(), BOTH)
    user = user_of(fab)
    fab.assign(user.id, "Admin")
    assert fab.store(OPEN).withdraw(person().identity) == ("Admin", "Op", "Viewer")
    assert fab.roles_of(user.id) == set()
    assert fab.store(OPEN).withdraw(person().identity) == ()
    assert fab.store(OPEN).withdraw(person("nobody").identity) == ()


def test_losing_every_group_leaves_what_was_assigned_behind_the_switch(fab):
    enter(fab, person(), BOTH, KEEPING)
    user = user_of(fab)
    fab.assign(user.id, "User")
    assert fab.store(KEEPING).withdraw(person().identity) == ("Op", "Viewer")
    assert fab.roles_of(user.id) == {"User"}


def test_two_first_sign_ins_at_the_same_moment_make_one_user(fab):
    together = Barrier(4)

    def first(_: int):
        together.wait()
        return enter(fab, person(), BOTH)

    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(first, range(4)))
    (user,) = fab.users()
    assert fab.roles_of(user.id) == {"Op", "Viewer"}
    assert [count(fab, fab_users), count(fab, principals), count(fab, sessions)] == [1, 1, 4]
    assert user.login_count == 4
    assert sorted(str(o.previous_roles) for o in opened) == ["('Op', 'Viewer')"] * 3 + ["None"]


def test_different_people_at_the_same_moment_do_not_meet(fab):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: enter(fab, person(f"p{number}"), BOTH), range(12)))
    assert len(fab.users()) == count(fab, fab_users) == 12
    assert len({user.email for user in fab.users()}) == 12


def test_a_role_deleted_while_somebody_signs_in_is_not_given(fab, monkeypatch):
    """The administrator's transaction commits between our look-up and our insert."""
    from airflow_oidc_auth.fab import accounts

    if fab.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    real, runs = accounts._find_roles, []

    def then_deleted(transaction, names):
        found = real(transaction, names)
        if not runs:
            fab.delete_role("Op")
        runs.append(names)
        return found

    monkeypatch.setattr(accounts, "_find_roles", then_deleted)
    opened = enter(fab, person(), BOTH)
    assert len(runs) == 2
    assert opened.session.grant.roles == ("Viewer",)
    assert fab.roles_of(user_of(fab).id) == {"Viewer"}


def test_a_returning_person_costs_few_statements(fab):
    enter(fab, person(), BOTH)
    with counted(fab.engine) as unchanged:
        enter(fab, person(), BOTH)
    with counted(fab.engine) as changed:
        enter(fab, person(), grant("User", "Op"))
    assert len(unchanged) <= 8
    assert len(changed) <= 12


def test_a_first_sign_in_costs_few_statements(fab):
    store = fab.store()
    with counted(fab.engine) as statements:
        store.open(person(), BOTH, now=NOW, expires_at=NOW + HOUR, client_address=None)
    assert len(statements) <= 16


def test_a_user_without_creation_time_can_be_linked(fab):
    user_id = fab.add_user("old", created_on=None)
    enter(fab, person("other", email=None))
    row = {"principal_id": principal_id(ISSUER, "other"), "user_id": user_id, "user_created_on": "", "linked_at": NOW}
    with fab.engine.begin() as connection:
        connection.execute(fab_users.delete())
        connection.execute(insert(fab_users).values(**row, given_roles="[]", linked_by="test"))
    enter(fab, person("other"))
    assert fab.roles_of(user_id) == {"Viewer"}


def test_broken_given_roles_count_as_none(fab, caplog):
    enter(fab, person(), BOTH)
    with fab.engine.begin() as connection:
        connection.execute(fab_users.update().values(given_roles="{broken"))
    enter(fab, person(), VIEWER)
    assert "cannot be read" in caplog.text
    assert fab.roles_of(user_of(fab).id) == {"Viewer"}


def test_fab_sees_local_times(fab):
    moment = datetime(2026, 3, 4, 5, 6, 7, 890123)  # noqa: DTZ001  # FAB's are naive
    fab.store(OPEN, local_time=lambda: moment).open(
        person(), VIEWER, now=NOW, expires_at=NOW + HOUR, client_address=None
    )
    assert user_of(fab).created_on.replace(microsecond=0) == moment.replace(microsecond=0)
    enter(fab, person())
    assert len(fab.users()) == 1, "the creation time was not read back as it was kept"
