"""A re-check in FAB mode: FAB's user follows in the same transaction, or the session ends."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck import Rechecker
from airflow_oidc_auth.sessions.session import DueSession, Recheck
from tests.storage.fab import KEEPING, OPEN, FabDatabase
from tests.storage.people import ADMIN, NOW, VIEWER
from tests.storage.rotating_idp import EVERY, Report, RotatingIdp, open_followed, rules_of

DUE = NOW + EVERY


@pytest.fixture
def idp() -> RotatingIdp:
    return RotatingIdp()


def follow(store, idp):
    """Let one server look; return what it told."""
    report = Report()
    live = LiveSessions(store, clock=lambda: DUE)
    rechecker = Rechecker(live, rules_of(idp), report, clock=lambda: DUE, jitter=lambda: 0.0)
    rechecker.look()
    rechecker.wait(20)
    rechecker.stop()
    live.stop()
    return report


def only_user(fab: FabDatabase):
    (user,) = fab.users()
    return user


def test_a_lost_group_takes_the_role_from_the_fab_user(fab, idp):
    store = fab.store()
    session = open_followed(store, idp)
    assert fab.roles_of(only_user(fab).id) == {"Admin"}
    idp.groups = frozenset({"dev"})
    report = follow(store, idp)
    assert fab.roles_of(only_user(fab).id) == {"Viewer"}
    assert store.load(session.id, now=DUE).grant.roles == ("Viewer",)
    assert [(change.before.roles, change.session.grant.roles) for change in report.changes] == [
        (("Admin",), ("Viewer",))
    ]


def test_a_re_check_is_no_sign_in(fab, idp):
    store = fab.store()
    open_followed(store, idp)
    before = only_user(fab)
    follow(store, idp)
    after = only_user(fab)
    assert (after.login_count, after.last_login) == (before.login_count, before.last_login)


@pytest.mark.parametrize(("settings", "stays"), [(OPEN, False), (KEEPING, True)])
def test_a_role_that_somebody_assigned_stays_only_where_the_settings_say_so(fab, idp, settings, stays):
    store = fab.store(settings)
    session = open_followed(store, idp)
    user = only_user(fab)
    fab.assign(user.id, "Op")
    follow(store, idp)
    wanted = {"Admin", "Op"} if stays else {"Admin"}
    assert fab.roles_of(user.id) == wanted
    assert set(store.load(session.id, now=DUE).grant.roles) == wanted


def test_a_role_that_was_kept_is_no_change_each_time(fab, idp):
    store = fab.store(KEEPING)
    session = open_followed(store, idp)
    fab.assign(only_user(fab).id, "Op")
    follow(store, idp)
    again = store.load(session.id, now=DUE)
    leased = store.take_lease(
        DueSession(again.id, again.provider, again.check_due_at), owner="b" * 32, now=again.check_due_at, seconds=60
    )
    assert not store.settle_recheck(leased, Recheck(None, grant=ADMIN), now=DUE).changed


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
def test_a_session_ends_when_its_fab_user_may_not_enter(fab, idp, how):
    store = fab.store()
    session = open_followed(store, idp)
    user = only_user(fab)
    if how == "deactivated":
        fab.change_user(user.id, active=False)
    else:
        fab.delete_user(user.id)
    report = follow(store, idp)
    assert store.load(session.id, now=DUE) is None
    assert [reason for _, reason, _ in report.ends] == ["fab_user_inactive"]
    assert len(fab.users()) == (1 if how == "deactivated" else 0), "a re-check makes no user"


def test_whoever_has_no_group_left_has_no_role_left(fab, idp):
    store = fab.store()
    open_followed(store, idp)
    idp.groups = frozenset()
    report = follow(store, idp)
    assert fab.roles_of(only_user(fab).id) == set()
    assert [(reason, withdrawn) for _, reason, withdrawn in report.ends] == [("no_matching_rule", ("Admin",))]


def test_a_mapped_role_that_is_missing_in_fab_ends_the_session_and_takes_the_others(fab, idp):
    store = fab.store()
    session = open_followed(store, idp)
    user = only_user(fab)
    fab.assign(user.id, "Public")
    fab.delete_role("Viewer")
    idp.groups = frozenset({"dev"})
    report = follow(store, idp)
    assert store.load(session.id, now=DUE) is None
    assert fab.roles_of(user.id) == set()
    assert [reason for _, reason, _ in report.ends] == ["fab_role_missing"]


def test_nothing_is_half_done_when_the_lease_was_lost(fab, idp):
    store = fab.store()
    session = open_followed(store, idp)
    due = DueSession(session.id, session.provider, session.check_due_at)
    lost = store.take_lease(due, owner="a" * 32, now=DUE, seconds=60)
    store.take_lease(due, owner="b" * 32, now=DUE + 60, seconds=60)
    assert store.settle_recheck(lost, Recheck(DUE + 300, grant=VIEWER), now=DUE + 61) is None
    assert fab.roles_of(only_user(fab).id) == {"Admin"}


def test_a_refusal_of_the_account_stores_nothing(fab, idp):
    store = fab.store()
    session = open_followed(store, idp)
    fab.change_user(only_user(fab).id, active=False)
    due = DueSession(session.id, session.provider, session.check_due_at)
    leased = store.take_lease(due, owner="a" * 32, now=DUE, seconds=60)
    with pytest.raises(LoginRefused):
        store.settle_recheck(leased, Recheck(DUE + 300, grant=Grant(("Viewer",))), now=DUE)
    assert store.end_leased(leased, reason="fab_user_inactive", now=DUE), "the lease is still held"
