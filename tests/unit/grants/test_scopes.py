from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, Refusal, RuleMatch, StepUp
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.grants.rules import GrantRules, compile_rules
from airflow_oidc_auth.grants.scopes import TeamRole, placed_roles, scoped_roles
from airflow_oidc_auth.grants.settings import RuleSettings
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.authentication import Authentication
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.sessions.grant_document import dump_grant, parse_grant
from airflow_oidc_auth.sessions.scope import narrow
from tests.unit.grants.people import ROLES, person, rule

NOW = 1_000_000
FRESH = Authentication(at=NOW - 60)
Scoped = tuple[tuple[str, ...], tuple[TeamRole, ...]]


def build(*rules: RuleSettings, delegated: tuple[str, ...] | None = None) -> GrantRules:
    numbered = [replace(each, name=f"rule {n + 1}", path=f"grants.rules[{n}]") for n, each in enumerate(rules)]
    return compile_rules(numbered, known_roles=ROLES, delegated_roles=delegated)


def grant_of(rules: GrantRules, who: Identity) -> Grant:
    decision = rules.evaluate(who, NOW).decision
    assert isinstance(decision, Grant)
    return decision


def match(*roles: str, teams: tuple[str, ...] = (), until: int | None = None) -> RuleMatch:
    return RuleMatch("rule", "grants.rules[0]", roles, teams, until=until)


def test_a_rule_with_teams_gives_its_roles_within_them_alone() -> None:
    rules = build(rule({"group": "a"}, "User", "Viewer", teams=("red", "blue")), rule({"group": "a"}, "Public"))
    assert scoped_roles(grant_of(rules, person("a"))) == (
        ("Public",),
        (("blue", "User"), ("blue", "Viewer"), ("red", "User"), ("red", "Viewer")),
    )


def test_a_role_that_a_team_rule_and_a_global_rule_give_stays_global() -> None:
    team, everywhere = rule({"group": "a"}, "User", teams=("red",)), rule({"group": "a"}, "User")
    for rules in (build(team, everywhere), build(everywhere, team)):
        assert scoped_roles(grant_of(rules, person("a"))) == (("User",), ())


def test_who_has_a_role_in_a_team_and_everywhere_belongs_to_the_team_as_without_the_second() -> None:
    in_team, everywhere = rule({"group": "a"}, "User", teams=("red",)), rule({"group": "b"}, "User")
    for groups in (("a",), ("a", "b")):
        held = placed_roles(grant_of(build(in_team, everywhere), person(*groups)))
        found = Policy().permissions(*held)
        assert [team for team in ("red", "blue") if found.in_team(team)] == ["red"]
    assert found == replace(Policy().permissions(["User"]), member_of=frozenset({"red"})), "judged by pairs, as before"


def test_a_role_captured_with_its_team_does_not_reach_another_captured_team() -> None:
    rules = build(rule({"group_regex": "(?P<team>[a-z]+)-(?P<role>[A-Z].*)"}, "{role}", teams=("{team}",)))
    grant = grant_of(rules, person("fin-Op", "ops-Viewer", "web-Viewer"))
    assert scoped_roles(grant) == ((), (("fin", "Op"), ("ops", "Viewer"), ("web", "Viewer")))
    assert (grant.roles, grant.teams) == (("Op", "Viewer"), ("fin", "ops", "web"))


@pytest.mark.parametrize("group", ["team-a/b", "team-", "team-" + "x" * 65, "team-{team}", "team-a\nb"])
def test_a_team_that_is_no_safe_name_gives_no_role_anywhere(group: str) -> None:
    rules = build(rule({"group_regex": "(?s)team-(?P<team>.*)"}, "Op", teams=("{team}",)))
    evaluation = rules.evaluate(person(group))
    assert evaluation.decision == Refusal("no_matching_rule")
    assert evaluation.trace[0].because[-1] == "Op not given: the captured text makes no safe team name of '{team}'"


def test_a_rule_tells_once_what_it_did_for_several_teams() -> None:
    rules = build(rule({"group_regex": "(?P<team>[a-z]+)-(?P<role>.+)"}, "{role}", teams=("{team}",)))
    (trace,) = rules.evaluate(person("fin-Op", "ops-Viewer")).trace
    assert trace.matched
    assert len(trace.because) == 2


def test_a_rule_that_needs_more_offers_each_role_within_its_own_team() -> None:
    strict = rule({"group_regex": "(?P<team>[a-z]+)-(?P<role>.+)"}, "{role}", teams=("{team}",))
    rules = build(replace(strict, needs=Needs(within=600)), rule({"everyone": True}, "Public"))
    evaluation = rules.evaluate(person("fin-Op", "ops-Viewer"), NOW)
    assert isinstance(evaluation.decision, Grant)
    assert [(each.roles, each.teams) for each in evaluation.decision.step_ups] == [
        (("Op",), ("fin",)),
        (("Viewer",), ("ops",)),
    ]
    told = evaluation.trace[0].step_up
    assert isinstance(told, StepUp)
    assert (told.roles, told.teams) == (("Op", "Viewer"), ("fin", "ops"))
    assert scoped_roles(evaluation.decision) == (("Public",), ())


def test_a_role_in_a_team_ends_with_the_rule_that_gave_it_there() -> None:
    timed = replace(rule({"group": "a"}, "Op", teams=("red",)), needs=Needs(within=600))
    rules = build(timed, rule({"group": "a"}, "Op", teams=("blue",)))
    grant = grant_of(rules, replace(person("a"), authentication=FRESH))
    assert scoped_roles(grant) == ((), (("blue", "Op"), ("red", "Op")))
    later = grant.at(NOW + 600)
    assert later is not None
    assert scoped_roles(later) == ((), (("blue", "Op"),))


def test_a_global_role_whose_global_rule_has_ended_holds_in_the_team_alone() -> None:
    timed = replace(rule({"group": "a"}, "Op"), needs=Needs(within=600))
    grant = grant_of(
        build(timed, rule({"group": "a"}, "Op", teams=("red",))), replace(person("a"), authentication=FRESH)
    )
    assert scoped_roles(grant) == (("Op",), ())
    later = grant.at(NOW + 600)
    assert later is not None
    assert scoped_roles(later) == ((), (("red", "Op"),))


def test_a_narrowed_grant_keeps_where_its_roles_hold() -> None:
    rules = build(rule({"group": "a"}, "Op", "Viewer", teams=("red",)), rule({"group": "a"}, "User"))
    narrowed = narrow(grant_of(rules, person("a")), ("Viewer",))
    assert narrowed is not None
    assert scoped(narrowed) == ((), (("red", "Viewer"),))


def test_the_cap_on_delegated_roles_holds_within_teams_as_well() -> None:
    rules = build(rule({"group": "a"}, "Op", "Viewer", teams=("red",)), delegated=("Viewer",))
    assert scoped(grant_of(rules, replace(person("a"), actors=("agent",)))) == ((), (("red", "Viewer"),))


def test_a_role_that_no_rule_gives_holds_nowhere_once_there_are_teams() -> None:
    assert scoped_roles(Grant(("Op", "Viewer"))) == (("Op", "Viewer"), ())
    assert scoped_roles(Grant(("Op",), ("red",))) == (("{Op}",), ())
    assert scoped_roles(Grant(("Op", "Viewer"), ("red",), (match("Viewer", teams=("red",)),))) == (
        ("{Op}",),
        (("red", "Viewer"),),
    )
    assert scoped_roles(Grant(("Op",), (), (match("Op", teams=("red",)),))) == ((), (("red", "Op"),))


def test_a_role_that_the_grant_lost_does_not_come_back_through_a_rule() -> None:
    kept = Grant(("Viewer",), ("red",), (match("Op", "Viewer", teams=("red",)), match("Admin")))
    assert scoped_roles(kept) == ((), (("red", "Viewer"),))


def test_the_digest_sees_a_team_that_only_a_rule_names() -> None:
    assert grant_digest(Grant(("Op",), (), (match("Op", teams=("red",)),))) != grant_digest(Grant(("Op",)))


def test_the_digest_changes_when_a_role_moves_to_another_team() -> None:
    def grant(op: str, viewer: str) -> Grant:
        return Grant(("Op", "Viewer"), ("blue", "red"), (match("Op", teams=(op,)), match("Viewer", teams=(viewer,))))

    assert grant_digest(grant("red", "blue")) != grant_digest(grant("blue", "red"))
    everywhere = replace(grant("red", "blue"), matches=(match("Op"), match("Viewer", teams=("blue", "red"))))
    assert len({grant_digest(each) for each in (grant("red", "blue"), grant("blue", "red"), everywhere)}) == 3


@given(st.frozensets(st.sampled_from(ROLES), min_size=1))
def test_the_digest_of_a_grant_without_teams_is_what_it_always_was(roles: frozenset[str]) -> None:
    document = json.dumps([sorted(roles), []], separators=(",", ":")).encode()
    expected = base64.urlsafe_b64encode(hashlib.sha256(document).digest()).decode()[:22]
    assert grant_digest(Grant(tuple(roles), matches=(match(*roles),))) == expected == grant_digest(Grant(tuple(roles)))


GROUPS = st.frozensets(st.sampled_from(["a", "b", "fin-Op", "fin-Viewer", "ops-Op", "ops-x", "-User"]), max_size=6)
WHENS: list[dict[str, object]] = [{"group": "a"}, {"group": "b"}, {"group_glob": "*-*"}, {"everyone": True}]
CAPTURING: dict[str, object] = {"group_regex": "(?P<team>.*)-(?P<role>.*)"}
NEEDS = st.sampled_from([None, None, Needs(within=60), Needs(within=600)])
TEAMS = st.sampled_from([(), ("red",), ("blue", "red")])
PLAIN = st.builds(
    lambda when, role, teams, needs: replace(rule(when, role, teams=teams), needs=needs),
    *(st.sampled_from(WHENS), st.sampled_from(ROLES), TEAMS, NEEDS),
)
FILLED = st.builds(
    lambda role, teams, needs: replace(rule(CAPTURING, role, teams=teams), needs=needs),
    *(st.sampled_from(["{role}", "Viewer"]), st.sampled_from([("{team}",), ("{team}", "red"), ()]), NEEDS),
)
RULES = st.lists(PLAIN | FILLED, min_size=1, max_size=6)
OPTIONS = st.sets(st.sampled_from(ROLES), min_size=1)


def scoped(decision: Grant | Refusal | None) -> Scoped:
    """Return where roles hold, without what only denies."""
    if not isinstance(decision, Grant):
        return (), ()
    everywhere, within = scoped_roles(decision)
    return tuple(role for role in everywhere if "{" not in role), tuple(each for each in within if "{" not in each[1])


def exceeds(more: Scoped, less: Scoped) -> bool:
    """Tell whether some role holds somewhere in ``less`` and not in ``more``."""
    everywhere, within = map(set, more)
    return not (set(less[0]) <= everywhere and all(each in within or each[1] in everywhere for each in less[1]))


def signed_in(*groups: str) -> Identity:
    return replace(person(*groups), authentication=FRESH)


@given(RULES, GROUPS, GROUPS)
def test_losing_groups_never_adds_a_role_anywhere(
    rules: list[RuleSettings], kept: frozenset[str], lost: frozenset[str]
) -> None:
    compiled = build(*rules)
    before = scoped(compiled.evaluate(signed_in(*kept | lost), NOW).decision)
    assert not exceeds(before, scoped(compiled.evaluate(signed_in(*kept), NOW).decision))


@given(RULES, PLAIN | FILLED, GROUPS)
def test_removing_a_rule_never_adds_a_role_anywhere(
    rules: list[RuleSettings], removed: RuleSettings, groups: frozenset[str]
) -> None:
    before = scoped(build(*rules, removed).evaluate(signed_in(*groups), NOW).decision)
    assert not exceeds(before, scoped(build(*rules).evaluate(signed_in(*groups), NOW).decision))


@given(RULES, GROUPS, st.integers(0, 700), OPTIONS, OPTIONS)
def test_time_a_narrower_scope_and_a_cap_never_add_a_role_anywhere(
    rules: list[RuleSettings], groups: frozenset[str], later: int, scope: set[str], cap: set[str]
) -> None:
    decision = build(*rules).evaluate(signed_in(*groups), NOW).decision
    if not isinstance(decision, Grant):
        return
    before = scoped(decision)
    assert not exceeds(before, scoped(decision.at(NOW + later)))
    assert not exceeds(before, scoped(narrow(decision, tuple(scope))))
    acting = replace(signed_in(*groups), actors=("agent",))
    assert not exceeds(before, scoped(build(*rules, delegated=tuple(cap)).evaluate(acting, NOW).decision))


@given(RULES, GROUPS, st.integers(0, 700), OPTIONS)
def test_every_role_that_a_grant_names_holds_somewhere_and_no_other_does(
    rules: list[RuleSettings], groups: frozenset[str], later: int, scope: set[str]
) -> None:
    decision = build(*rules).evaluate(signed_in(*groups), NOW).decision
    grant = decision.at(NOW + later) if isinstance(decision, Grant) else None
    for each in filter(None, (grant, grant and narrow(grant, tuple(scope)))):
        everywhere, within = scoped(each)
        assert {*everywhere, *(role for _, role in within)} == set(each.roles)
        assert not set(everywhere) & {role for _, role in within}


@given(RULES, GROUPS)
def test_a_stored_grant_holds_where_it_held(rules: list[RuleSettings], groups: frozenset[str]) -> None:
    decision = build(*rules).evaluate(signed_in(*groups), NOW).decision
    if isinstance(decision, Grant):
        assert scoped_roles(parse_grant(dump_grant(decision), grant_digest(decision))) == scoped_roles(decision)


def test_what_is_remembered_is_of_one_grant_and_no_copy() -> None:
    grant = Grant(("Op",), ("red",), (match("Op", teams=("red",)),))
    assert placed_roles(grant) is placed_roles(grant)
    moved = replace(grant, teams=("blue",), matches=(match("Op", teams=("blue",)),))
    assert scoped_roles(moved) == ((), (("blue", "Op"),))
    assert grant == Grant(("Op",), ("red",), (match("Op", teams=("red",)),))
