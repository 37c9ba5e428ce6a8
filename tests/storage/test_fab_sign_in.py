"""The whole sign-in against FAB's tables: what the person and the audit are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.login.outcome import Refused, SignedIn
from tests.storage.backends import build_engine, sqlite_url
from tests.storage.fab import KEEPING, OPEN, FabDatabase, fab_database
from tests.unit.login.rig import Rig, run_rig
from tests.unit.login.test_journey import sign_in


@pytest.fixture
def fab(tmp_path):
    engine = build_engine(sqlite_url(tmp_path))
    yield fab_database(engine)
    engine.dispose()


@pytest.fixture
def rig(fab):
    with run_rig() as rig:
        use(rig, fab, OPEN)
        yield rig


def use(rig: Rig, fab: FabDatabase, settings: FabSettings) -> None:
    """Let sign-ins keep FAB's users in step."""
    rig.sessions.store = fab.store(settings)


def lose_groups(rig: Rig) -> None:
    rig.idp.users = [replace(user, groups=()) for user in rig.idp.users]


def only_user(fab: FabDatabase):
    (user,) = fab.users()
    return user


def test_the_audit_row_of_a_sign_in_names_the_fab_user(rig, fab):
    assert isinstance(sign_in(rig), SignedIn)
    (row,) = rig.sink.records
    assert dict(row.detail) == {"fab_user": only_user(fab).username, "linked": "created"}


def test_a_deactivated_person_is_one_row_that_names_them(rig, fab):
    sign_in(rig)
    user = only_user(fab)
    fab.change_user(user.id, active=False)
    for _ in range(2):
        outcome = sign_in(rig)
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.provider) == ("fab_user_inactive", "okta")
        assert outcome.visitor is not None
        assert outcome.spent is not None
    signed_in, *rows = rig.sink.records
    assert [row.event for row in rows] == [AuthEvent.LOGIN_REFUSED] * 2, "not counted like strangers"
    for row in rows:
        assert (row.owner, row.issuer, row.subject) == ("Ada Admin", signed_in.issuer, signed_in.subject)
        assert (row.reason, dict(row.detail)) == ("fab_user_inactive", {"fab_user": user.username})


def test_nobody_gets_an_account_when_registration_is_closed(rig, fab):
    use(rig, fab, FabSettings())
    outcome = sign_in(rig)
    assert isinstance(outcome, Refused)
    assert outcome.code == "fab_registration_closed"
    assert fab.users() == []
    assert [row.event for row in rig.sink.records] == [AuthEvent.LOGIN_REFUSED]


def test_whoever_lost_every_group_has_no_role_left_in_fab(rig, fab):
    sign_in(rig)
    user = only_user(fab)
    had = fab.roles_of(user.id)
    assert had
    lose_groups(rig)
    outcome = sign_in(rig)
    assert isinstance(outcome, Refused)
    assert outcome.code == "no_matching_rule"
    assert fab.roles_of(user.id) == set()
    row = rig.sink.records[-1]
    assert (row.event, set(row.roles_before), row.roles_after) == (AuthEvent.LOGIN_REFUSED, had, ())


def test_whoever_lost_every_group_keeps_what_was_assigned_behind_the_switch(rig, fab):
    use(rig, fab, KEEPING)
    sign_in(rig)
    user = only_user(fab)
    fab.assign(user.id, "User")
    lose_groups(rig)
    assert isinstance(sign_in(rig), Refused)
    assert fab.roles_of(user.id) == {"User"}


def test_whoever_has_only_missing_roles_has_none_left_in_fab_and_is_told_which(rig, fab):
    sign_in(rig)
    user = only_user(fab)
    (role,) = fab.roles_of(user.id)
    fab.assign(user.id, "Public")
    fab.delete_role(role)
    outcome = sign_in(rig)
    assert isinstance(outcome, Refused)
    assert outcome.code == "fab_role_missing"
    assert role in outcome.hint
    assert fab.roles_of(user.id) == set()
    assert dict(rig.sink.records[-1].detail) == {"missing_roles": role}


def test_the_refusal_stands_when_the_roles_cannot_be_taken(rig, fab, caplog):
    sign_in(rig)
    lose_groups(rig)
    with fab.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE oidc_auth_fab_user RENAME TO gone")
    outcome = sign_in(rig)
    assert isinstance(outcome, Refused)
    assert outcome.code == "no_matching_rule"
    assert rig.sink.records[-1].event is AuthEvent.LOGIN_REFUSED
    assert "roles of a refused person live on" in caplog.text


def test_an_unmet_requirement_leaves_the_roles_of_other_sessions(rig, fab):
    from airflow_oidc_auth.grants.rules import compile_rules
    from airflow_oidc_auth.grants.settings import RequirementSettings
    from tests.unit.login.rig import ROLES, RULES

    sign_in(rig)
    had = fab.roles_of(only_user(fab).id)
    require = [RequirementSettings("grants.require[0]", {"amr": ["mfa"]}, "Use your key.")]
    rig.journey._rules = compile_rules(RULES, require, known_roles=ROLES)
    outcome = sign_in(rig)
    assert isinstance(outcome, Refused)
    assert outcome.code == "requirement_not_met"
    assert fab.roles_of(only_user(fab).id) == had
