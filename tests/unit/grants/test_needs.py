"""Rules that need more than a group: a strong or fresh authentication."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Evaluation, Grant, Refusal, RuleMatch
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.grants.rules import GrantRules, compile_rules
from airflow_oidc_auth.identity.authentication import Authentication
from airflow_oidc_auth.sessions.grant_document import dump_grant, parse_grant
from tests.unit.grants.people import ROLES, person, rule

NOW, HOUR = 1_800_000_000, 3600
MFA = Needs(acr=("urn:mfa",), amr=("mfa", "hwk"), within=HOUR)
GOOD = Authentication("urn:mfa", frozenset({"pwd", "hwk"}), NOW - 60)


def rules_with(needs: Needs, *, everyone: bool = True) -> GrantRules:
    admin = replace(rule({"group": "ops"}, "Admin", n=0, teams=("red",)), needs=needs)
    rest = [rule({"group": "ops"}, "Viewer", n=1)] if everyone else []
    return compile_rules([admin, *rest], known_roles=ROLES)


def judge(needs: Needs, known: Authentication | None, now: float | None = NOW, *, everyone: bool = True) -> Evaluation:
    identity = replace(person("ops", acr="urn:mfa", amr=["mfa"], auth_time=NOW), authentication=known)
    return rules_with(needs, everyone=everyone).evaluate(identity, now)


def granted(needs: Needs, known: Authentication | None, now: float | None = NOW) -> Grant:
    decision = judge(needs, known, now).decision
    assert isinstance(decision, Grant)
    return decision


def test_a_good_authentication_gives_the_role_until_it_is_too_old() -> None:
    grant = granted(MFA, GOOD)
    assert (grant.roles, grant.teams, grant.step_ups) == (("Admin", "Viewer"), ("red",), ())
    assert grant.until == NOW - 60 + HOUR
    assert "authentication within the last 1h" in grant.matches[0].because


@pytest.mark.parametrize(
    ("known", "missed"),
    [
        (None, ("acr", "amr", "within")),
        (Authentication(), ("acr", "amr", "within")),
        (replace(GOOD, acr="urn:pwd"), ("acr",)),
        (replace(GOOD, acr="URN:MFA"), ("acr",)),
        (replace(GOOD, amr=frozenset({"pwd"})), ("amr",)),
        (replace(GOOD, amr=frozenset({"mfa hwk"})), ("amr",)),
        (replace(GOOD, at=None), ("within",)),
        (replace(GOOD, at=NOW - HOUR), ("within",)),
    ],
)
def test_whatever_is_missing_the_lesser_roles_remain(known: Authentication | None, missed: tuple[str, ...]) -> None:
    evaluation = judge(MFA, known)
    grant = evaluation.decision
    assert isinstance(grant, Grant)
    assert (grant.roles, grant.teams, grant.until) == (("Viewer",), (), None)
    [step_up] = grant.step_ups
    assert (step_up.rule, step_up.roles, step_up.teams, step_up.missed) == ("rule 1", ("Admin",), ("red",), missed)
    assert grant.withheld == {"Admin"}
    assert (evaluation.trace[0].matched, evaluation.trace[0].step_up) == (False, step_up)
    assert evaluation.trace[0].because[0] == "group 'ops' is 'ops'"


def test_claims_of_userinfo_are_no_authentication() -> None:
    """The identity's claims say all that is wanted; only the id_token's own statement counts."""
    assert granted(Needs(acr=("urn:mfa",)), Authentication()).roles == ("Viewer",)


def test_without_a_clock_nothing_is_fresh() -> None:
    assert granted(MFA, GOOD, None).roles == ("Viewer",)
    assert granted(replace(MFA, within=None), GOOD, None).roles == ("Admin", "Viewer")


def test_whoever_is_left_without_any_role_is_told_what_for() -> None:
    decision = judge(MFA, None, everyone=False).decision
    assert decision == Refusal("step_up_needed", path="grants.rules[0]", rule="rule 1")


def test_whom_the_rule_is_not_for_is_not_offered_it() -> None:
    decision = rules_with(MFA).evaluate(person("others"), NOW).decision
    assert decision == Refusal("no_matching_rule")


def test_roles_end_from_memory_and_are_offered_again() -> None:
    grant = granted(MFA, GOOD)
    assert grant.until is not None
    assert grant.at(grant.until - 1) is grant
    later = grant.at(grant.until)
    assert later is not None
    assert (later.roles, later.teams, later.until) == (("Viewer",), (), None)
    assert [(each.rule, each.missed) for each in later.step_ups] == [("rule 1", ("within",))]
    assert later.withheld == {"Admin"}


def test_nothing_is_left_of_a_grant_whose_only_rule_has_ended() -> None:
    decision = judge(MFA, GOOD, everyone=False).decision
    assert isinstance(decision, Grant)
    assert decision.at(NOW + HOUR) is None


def test_a_role_that_another_rule_gives_stays() -> None:
    timed = replace(rule({"group": "ops"}, "Admin", "Viewer", n=0), needs=Needs(within=HOUR))
    rules = compile_rules([timed, rule({"group": "ops"}, "Viewer", n=1)], known_roles=ROLES)
    grant = rules.evaluate(replace(person("ops"), authentication=GOOD), NOW).decision
    assert isinstance(grant, Grant)
    later = grant.at(NOW + HOUR)
    assert later is not None
    assert later.roles == ("Viewer",)
    assert later.withheld == {"Admin"}


def test_a_stored_grant_comes_back_whole_and_its_digest_is_of_what_it_gives_and_not_why() -> None:
    for grant in (granted(MFA, GOOD), granted(MFA, None), granted(Needs(acr=("urn:mfa",)), GOOD)):
        assert parse_grant(dump_grant(grant), grant_digest(grant)) == grant
    bare = tuple(RuleMatch("", "", each.roles, each.teams) for each in granted(MFA, GOOD).matches)
    without = replace(granted(MFA, GOOD), matches=bare, step_ups=(), until=None)
    assert grant_digest(without) == grant_digest(granted(MFA, GOOD))


def test_a_row_of_an_older_release_has_no_end_and_no_step_up() -> None:
    text = (
        '{"roles":["Viewer"],"teams":[],"matches":[{"rule":"r","path":"p","roles":["Viewer"],"teams":[],"because":[]}]}'
    )
    grant = parse_grant(text, grant_digest(Grant(("Viewer",))))
    assert (grant.until, grant.step_ups, grant.matches[0].needs) == (None, (), None)


@pytest.mark.parametrize("until", ['"9"', "true", "1.5", "[]"])
def test_a_stored_end_that_is_no_number_is_refused(until: str) -> None:
    match = f'{{"rule":"r","path":"p","roles":["Viewer"],"teams":[],"because":[],"until":{until}}}'
    with pytest.raises(ValueError, match="no number"):
        parse_grant(f'{{"roles":["Viewer"],"teams":[],"matches":[{match}]}}', grant_digest(Grant(("Viewer",))))


# ------------------------------------------------------------------------------------------------------- properties
METHODS = ("pwd", "mfa")
needs_of_rules = st.builds(
    Needs,
    st.sampled_from([(), ("a",), ("a", "b")]),
    st.sampled_from([(), ("mfa",), METHODS]),
    st.sampled_from([None, 60, HOUR]),
)
known_ways = st.builds(
    Authentication,
    st.sampled_from([None, "a", "b"]),
    st.frozensets(st.sampled_from(METHODS)),
    st.none() | st.integers(NOW - 2 * HOUR, NOW),
)
several = st.lists(st.tuples(needs_of_rules | st.none(), st.sampled_from(ROLES)), min_size=1, max_size=4)


def roles(decision: Grant | Refusal | None) -> frozenset[str]:
    return frozenset(decision.roles) if isinstance(decision, Grant) else frozenset()


def build(specs: list[tuple[Needs | None, str]]) -> GrantRules:
    written = [replace(rule({"group": "ops"}, role, n=n), needs=needs) for n, (needs, role) in enumerate(specs)]
    return compile_rules(written, known_roles=ROLES)


@given(several, known_ways, st.data())
def test_a_weaker_or_staler_authentication_never_gives_more(
    specs: list[tuple[Needs | None, str]], strong: Authentication, data: st.DataObject
) -> None:
    rules, at = build(specs), strong.at
    weak = Authentication(
        data.draw(st.sampled_from([None, strong.acr])),
        data.draw(st.frozensets(st.sampled_from(sorted(strong.amr)))) if strong.amr else frozenset(),
        None if at is None else data.draw(st.none() | st.integers(at - HOUR, at)),
    )
    less = rules.evaluate(replace(person("ops"), authentication=weak), NOW).decision
    more = rules.evaluate(replace(person("ops"), authentication=strong), NOW).decision
    assert roles(less) <= roles(more)


@given(several, known_ways, st.integers(0, 3 * HOUR))
def test_memory_says_at_each_moment_what_the_rules_would_say(
    specs: list[tuple[Needs | None, str]], known: Authentication, later: int
) -> None:
    rules, identity = build(specs), replace(person("ops"), authentication=known)
    first = rules.evaluate(identity, NOW).decision
    then = rules.evaluate(identity, NOW + later).decision
    remembered = first.at(NOW + later) if isinstance(first, Grant) else None
    assert roles(remembered) == roles(then)
    assert roles(then) <= roles(first)
    if isinstance(remembered, Grant) and isinstance(then, Grant):
        assert remembered.withheld == then.withheld
        assert remembered.until == then.until
