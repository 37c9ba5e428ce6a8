"""Roles that were given for a time end by themselves: in the row, on every server, and in FAB."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from airflow_oidc_auth.fab.accounts import FabAccounts
from airflow_oidc_auth.fab.directory import FabDirectory
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.grants.rules import compile_rules
from airflow_oidc_auth.grants.settings import RuleSettings
from airflow_oidc_auth.identity.authentication import Authentication
from airflow_oidc_auth.login.records import build_regraded
from airflow_oidc_auth.managers.fab_user import FabAdmission
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.granted import as_of
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck import Rechecker
from airflow_oidc_auth.sessions.recheck_report import RecheckRules, Verdict
from airflow_oidc_auth.sessions.session import Opening
from tests.storage.fab import OPEN, counted
from tests.storage.people import HOUR, NOW, sign_in
from tests.storage.rotating_idp import EVERY, Report, RotatingIdp

STRONG = Authentication("urn:mfa", at=NOW - 60)
WEAK = Authentication("urn:pwd", at=NOW - 60)
ENDS = NOW - 60 + HOUR
RULES = (
    RuleSettings("admins", "grants.rules[0]", {"group": "ops"}, ("Admin",), needs=Needs(acr=("urn:mfa",), within=HOUR)),
    RuleSettings("all", "grants.rules[1]", {"everyone": True}, ("Viewer",)),
)


def judge_by(rules):
    compiled = compile_rules(rules, known_roles=None)

    def judge(session, identity, now):
        decision = compiled.evaluate(identity, now).decision
        return Verdict(decision, decision.until if isinstance(decision, Grant) else None)

    return judge


def enter(store, known, *, rules=RULES, now=NOW, check_due_at=None):
    """Sign in as the journey does."""
    told = sign_in()
    told = replace(told, identity=replace(told.identity, authentication=known), refresh_token=Secret("ada:0"))
    grant = judge_by(rules)(None, told.identity, now).decision
    opening = Opening(check_due_at=check_due_at, regrade_at=grant.until)
    return store.open(told, grant, now=now, expires_at=now + 9 * HOUR, client_address=None, opening=opening).session


def look(store, at, *, idp=None, rules=RULES):
    """Let one server look once."""
    report, live = Report(), LiveSessions(store, clock=lambda: at)
    followed = RecheckRules(EVERY, {"okta": idp} if idp else {}, judge_by(rules))
    rechecker = Rechecker(live, lambda: followed, report, clock=lambda: at, jitter=lambda: 0.0)
    rechecker.look()
    rechecker.wait(20)
    rechecker.stop()
    live.stop()
    return report


def test_the_roles_go_when_their_time_is_over_without_the_idp_and_without_activity(backend):
    store, idp = backend.new_store(), RotatingIdp()
    session = enter(store, STRONG)
    assert look(store, ENDS - 1, idp=idp).changes == []
    report = look(store, ENDS, idp=idp)
    stored = backend.new_store().load(session.id, now=ENDS)
    assert stored.grant.roles == ("Viewer",)
    assert [each.rule for each in stored.grant.step_ups] == ["admins"]
    assert idp.asked == []
    assert look(store, ENDS + HOUR, idp=idp).changes == [], "once"
    [change] = report.changes
    record = build_regraded(change, "ref")
    assert (record.reason, record.roles_before, record.roles_after) == (
        "authentication_too_old",
        ("Admin", "Viewer"),
        ("Viewer",),
    )


def test_the_request_does_not_wait_for_that(backend):
    store = backend.new_store()
    stored = store.load(enter(store, STRONG).id, now=ENDS)
    assert stored.grant.roles == ("Admin", "Viewer"), "no re-check came"
    assert as_of(stored, ENDS - 1) is stored
    assert as_of(stored, ENDS).grant.roles == ("Viewer",)


def test_a_re_check_at_the_idp_does_not_extend_them(backend):
    store, idp = backend.new_store(), RotatingIdp()
    idp.sign_in("ada")
    session = enter(store, STRONG, check_due_at=NOW + EVERY)
    report = look(store, NOW + EVERY, idp=idp)
    assert idp.asked == ["ada"]
    assert report.changes == []
    again = store.load(session.id, now=NOW + EVERY)
    assert (again.grant.until, again.regrade_at) == (ENDS, ENDS)


def test_whoever_has_nothing_else_is_out(backend):
    store = backend.new_store()
    session = enter(store, STRONG, rules=RULES[:1])
    report = look(store, ENDS, rules=RULES[:1])
    assert store.load(session.id, now=ENDS) is None
    assert [reason for _, reason, _ in report.ends] == ["step_up_needed"]


# ------------------------------------------------------------------------------------------------------------- FAB
def roles_in_fab(fab):
    (user,) = fab.users()
    return fab.roles_of(user.id)


def test_the_role_leaves_the_fab_user_when_its_time_is_over(fab):
    store = fab.store()
    enter(store, STRONG)
    assert roles_in_fab(fab) == {"Admin", "Viewer"}
    look(store, ENDS)
    assert roles_in_fab(fab) == {"Viewer"}


def test_the_only_role_leaves_the_fab_user_with_the_session(fab):
    store = fab.store()
    enter(store, STRONG, rules=RULES[:1])
    report = look(store, ENDS, rules=RULES[:1])
    assert roles_in_fab(fab) == set()
    assert [withdrawn for *_, withdrawn in report.ends] == [("Admin",)]


def test_a_weaker_session_of_the_same_person_neither_takes_the_role_nor_gets_it(fab):
    store, idp = fab.store(), RotatingIdp()
    idp.sign_in("ada")
    strong = enter(store, STRONG)
    weak = enter(store, WEAK, check_due_at=NOW + EVERY)
    assert roles_in_fab(fab) == {"Admin", "Viewer"}, "FAB has one set of roles for both"
    look(store, NOW + EVERY, idp=idp)
    assert roles_in_fab(fab) == {"Admin", "Viewer"}
    assert weak.grant.roles == ("Viewer",)
    assert weak.grant.withheld == {"Admin"}
    store.end(strong.id, reason="user_logout", now=NOW + EVERY)
    again = store.load(weak.id, now=NOW + EVERY)
    store.touch({weak.id: again.check_due_at})
    look(store, again.check_due_at, idp=idp)
    assert roles_in_fab(fab) == {"Viewer"}, "nobody holds it any more"


def test_what_is_withheld_does_not_count_and_takes_no_query(fab):
    principal = enter(fab.store(), STRONG).principal_id
    directory = FabDirectory(transactions=fab.transactions, on_gone=lambda *_: None)
    whole, without = directory.load(principal), frozenset({"Admin"})
    assert whole.roles == ("Admin", "Viewer")
    with counted(fab.engine) as statements:
        assert directory.peek(principal, without) is None
        reduced = directory.load(principal, without)
        assert directory.peek(principal, without) is reduced
        assert directory.peek(principal) is whole
        assert directory.peek(principal, frozenset({"Op"})) is whole
    assert statements == []
    assert reduced.roles == ("Viewer",)
    directory.poll()
    directory.forget(principal)
    assert directory.load(principal, without).roles == ("Viewer",)


def test_a_session_from_before_the_rule_does_not_get_the_role_by_fab(fab):
    """Its Grant knows of no step-up: the person joined the administrators later, or the rule is new."""
    store = fab.store()
    old = enter(store, WEAK, rules=RULES[1:])
    new = enter(store, STRONG)
    assert roles_in_fab(fab) == {"Admin", "Viewer"}
    directory = FabDirectory(transactions=fab.transactions, on_gone=lambda *_: None)
    admission = FabAdmission(directory, FabAccounts(OPEN), OPEN, lambda _: None)
    admission.accept(SimpleNamespace(grants=compile_rules(RULES, known_roles=None), keep_assigned_roles=False))
    assert admission.load(new).account.roles == ("Admin", "Viewer")
    assert admission.load(old).account.roles == ("Viewer",)
    assert admission.roles(old) == ("Viewer",)
    admission.accept(SimpleNamespace(grants=compile_rules(RULES[1:], known_roles=None), keep_assigned_roles=False))
    assert admission.peek(old).account.roles == ("Admin", "Viewer"), "as in FAB mode at all times"


@pytest.mark.parametrize("tampered", ['{"roles":["Admin"]', "[]"])
def test_a_session_that_was_tampered_with_keeps_no_role_in_fab(fab, tampered):
    from sqlalchemy import update

    from airflow_oidc_auth.sessions.models import sessions

    store = fab.store()
    strong = enter(store, STRONG)
    with fab.engine.begin() as connection:
        connection.execute(update(sessions).where(sessions.c.id == strong.id).values(grant_document=tampered))
    enter(store, WEAK)
    assert roles_in_fab(fab) == {"Viewer"}
