"""Tokens of programs in FAB mode: FAB's user is their owner's, and follows the owner, not the token."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck import Rechecker
from tests.storage.fab import KEEPING, FabDatabase
from tests.storage.people import NOW
from tests.storage.rotating_idp import EVERY, Report, RotatingIdp, open_followed, rules_of
from tests.storage.tokens import make_token

DUE = NOW + EVERY


@pytest.fixture
def idp() -> RotatingIdp:
    return RotatingIdp()


def follow(store, idp, now=DUE):
    """Let one server look; return what it told."""
    report = Report()
    live = LiveSessions(store, clock=lambda: now)
    rechecker = Rechecker(live, rules_of(idp), report, clock=lambda: now, jitter=lambda: 0.0)
    rechecker.look()
    rechecker.wait(20)
    rechecker.stop()
    live.stop()
    return report


def roles_of_user(fab: FabDatabase):
    (user,) = fab.users()
    return fab.roles_of(user.id)


def test_a_narrowed_token_takes_no_role_from_its_owner(fab, idp):
    store = fab.store()
    owner = open_followed(store, idp)
    token = make_token(store, owner, scope=("Admin",))
    assert roles_of_user(fab) == {"Admin"}
    idp.groups = frozenset({"dev"})
    report = follow(store, idp)
    assert roles_of_user(fab) == {"Viewer"}
    assert {ended.session.id: (reason, taken) for ended, reason, taken in report.ends} == {
        token.id: ("token_roles_lost", ())
    }


def test_a_token_without_a_scope_follows_its_owner(fab, idp):
    store = fab.store()
    token = make_token(store, open_followed(store, idp))
    idp.groups = frozenset({"dev"})
    follow(store, idp)
    assert store.load(token.id, now=DUE).grant.roles == ("Viewer",)
    assert roles_of_user(fab) == {"Viewer"}


def test_a_role_that_somebody_assigned_in_fab_is_within_a_scope(fab, idp):
    store = fab.store(KEEPING)
    session = open_followed(store, idp)
    (user,) = fab.users()
    fab.assign(user.id, "Op")
    follow(store, idp)
    token = make_token(store, store.load(session.id, now=DUE), now=DUE, scope=("Op",))
    idp.groups = frozenset({"dev"})
    follow(store, idp, DUE + EVERY)
    assert store.load(token.id, now=DUE).grant.roles == ("Op",)
    assert roles_of_user(fab) == {"Op", "Viewer"}
