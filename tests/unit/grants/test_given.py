"""What rules give, until when, and what is left of it: where one rule ends and another holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, RuleMatch, StepUp, first_end
from airflow_oidc_auth.grants.judgements import Judgements
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.grants.rules import Requirement, Rule, compile_rules
from airflow_oidc_auth.grants.settings import RequirementSettings
from airflow_oidc_auth.identity.authentication import Authentication
from tests.unit.grants.people import ROLES, compiled, person, rule

FRESH = Needs(within=60)
EARLY = RuleMatch("early", "grants.rules[0]", ("Admin", "Viewer"), ("red", "blue"), (), FRESH, 100)
LATE = RuleMatch("late", "grants.rules[1]", ("Op",), ("blue", "green"), (), Needs(acr=("mfa",), within=90), 200)
ALWAYS = RuleMatch("always", "grants.rules[2]", ("Viewer",), ())
BEFORE = StepUp("before", "grants.rules[3]", ("User",), FRESH, ("within",))
GIVEN = Grant(("Admin", "Op", "Viewer"), ("blue", "green", "red"), (EARLY, LATE, ALWAYS), (BEFORE,), 100)


def test_a_grant_ends_with_the_first_of_its_matches_that_ends():
    assert first_end((LATE, EARLY, ALWAYS)) == 100
    assert first_end((ALWAYS,)) is None


@pytest.mark.parametrize("now", [0, 99, 99.9])
def test_until_then_nothing_is_lost(now):
    assert GIVEN.at(now) is GIVEN


@pytest.mark.parametrize("now", [100, 199])
def test_then_what_only_the_ended_rule_gave_is_lost_and_may_be_had_again(now):
    left = GIVEN.at(now)
    assert left == Grant(
        ("Op", "Viewer"),
        ("blue", "green"),
        (LATE, ALWAYS),
        (BEFORE, StepUp("early", "grants.rules[0]", ("Admin", "Viewer"), FRESH, ("within",), ("red", "blue"))),
        200,
    )
    assert left.withheld == {"Admin", "User"}
    later = GIVEN.at(200)
    assert (later.roles, later.teams, later.matches, later.until) == (("Viewer",), (), (ALWAYS,), None)
    assert [each.needs for each in later.step_ups] == [FRESH, FRESH, LATE.needs]


def test_whoever_has_no_role_left_has_no_grant():
    assert Grant(("Admin",), (), (replace(EARLY, roles=("Admin",)),), until=100).at(100) is None


def test_what_ended_without_a_known_need_needs_nothing_known():
    without = replace(EARLY, needs=None)
    left = Grant(("Admin", "Viewer"), (), (without, ALWAYS), until=100).at(100)
    assert [(each.needs, each.missed) for each in left.step_ups] == [(Needs(), ("within",))]


def test_what_a_token_is_narrowed_away_from_is_kept_by_the_rule_that_gave_it():
    assert GIVEN.withdraw(("Op", "Viewer")) == (RuleMatch("early", "grants.rules[0]", ("Admin",), ("red", "blue")),)
    assert GIVEN.withdraw(GIVEN.roles) == ()
    once = replace(GIVEN, withdrawn=GIVEN.withdraw(("Op", "Viewer")), roles=("Op", "Viewer"), matches=(LATE, ALWAYS))
    assert once.withdraw(("Op",)) == (*once.withdrawn, RuleMatch("always", "grants.rules[2]", ("Viewer",)))


def test_roles_that_no_rule_is_known_for_are_kept_as_well():
    by_nobody = Grant(("Admin", "Op", "Viewer"), (), (ALWAYS,))
    assert by_nobody.withdraw(("Op", "Viewer")) == (RuleMatch("", "", ("Admin",)),)
    assert by_nobody.withdraw(by_nobody.roles) == ()


def test_a_rule_or_a_requirement_without_any_condition_holds_for_nobody():
    """No document has one; what made it all the same must not let everybody in."""
    trace, given = Rule(rule({}), (), None).evaluate(person("ops"), None)
    assert (trace.matched, given) == (False, ())
    assert not Requirement(RequirementSettings("grants.require[0]"), ()).evaluate(person("ops")).matched


def test_a_requirement_of_another_provider_refuses_nobody():
    other = RequirementSettings("grants.require[0]", {"email_domain": "example.org", "acr": "mfa"}, provider="google")
    rules = compile_rules([rule({"everyone": True})], [other], known_roles=ROLES)
    evaluation = rules.evaluate(person("ops"))
    assert isinstance(evaluation.decision, Grant)
    told = evaluation.trace[0]
    assert (told.rule, told.matched) == ("email_domain, acr", True)
    assert told.because == ("does not apply: it is for provider 'google'",)
    mine = compile_rules([rule({"everyone": True})], [replace(other, provider="okta")], known_roles=ROLES)
    assert not isinstance(mine.evaluate(person("ops")).decision, Grant)


def test_a_claim_that_only_a_requirement_reads_is_not_forgotten_between_two_tokens():
    """One program's token says prod and is let in; the next one must be asked again."""
    judgements = Judgements(compiled({"everyone": True}, require=({"claims": {"env": "prod"}},)))
    assert isinstance(judgements.decide(person(env="prod"), 0), Grant)
    assert not isinstance(judgements.decide(person(env="dev"), 0), Grant)
    assert isinstance(judgements.decide(person(env="prod"), 0), Grant)


class Counting:
    """Rules that count how often they are asked."""

    def __init__(self, *whens):
        self.rules, self.asked = compiled(*whens), 0
        self.claims_read = self.rules.claims_read

    def evaluate(self, identity, now=None):
        self.asked += 1
        return self.rules.evaluate(identity, now)


@pytest.mark.parametrize(
    "value, asked",
    [(["prod", "dev"], 1), ("prod", 1), ([], 1), (["prod", 1], 2), ([{"prod": "x"}], 2), ([True], 2), ({"a": "b"}, 2)],
)
def test_texts_and_lists_of_texts_are_compared_and_nothing_else(value, asked):
    """True equals 1, and an object equals nothing for certain."""
    rules = Counting({"claims": {"env": "prod"}})
    judgements = Judgements(rules)
    for _ in range(2):
        judgements.decide(person(env=value), 0)
    assert rules.asked == asked


@pytest.mark.parametrize("count, asked", [(200, 1), (201, 2)])
def test_answers_for_members_of_many_groups_are_kept_up_to_a_number(count, asked):
    rules = Counting({"everyone": True})
    judgements = Judgements(rules)
    for _ in range(2):
        judgements.decide(person(*map(str, range(count))), 0)
    assert rules.asked == asked


def test_a_grant_has_one_digest_in_whatever_order_and_another_one_where_a_role_holds_elsewhere():
    teams = tuple(f"team-{number:02}" for number in range(50))
    assert grant_digest(Grant(("Op",), teams)) == grant_digest(Grant(("Op",), teams[::-1]))
    everywhere = Grant(("Op",), ("red",), (RuleMatch("r", "", ("Op",)),))
    nobody_knows = Grant(("Op",), ("red",))
    within = Grant(("Op",), ("red",), (RuleMatch("r", "", ("Op",), ("red",)),))
    assert len({grant_digest(each) for each in (everywhere, nobody_knows, within, Grant(("Op",)))}) == 4


NEEDING = compile_rules(
    [
        replace(
            rule({"group": "ops"}, "Admin", "{team}", n=0, teams=("{team}",)), when={"group_regex": "(?P<team>.*)"}
        ),
        replace(rule({"group": "ops"}, "Op", n=1, teams=("b", "a")), needs=Needs(acr=("mfa",), within=60)),
        replace(rule({"group_regex": "x-(?P<r>.*)"}, "{r}", "User", n=2), needs=FRESH),
        rule({"group": "ops"}, "Viewer", n=3),
    ],
    known_roles=(*ROLES, "ops"),
)


def test_what_a_rule_needs_is_known_by_its_name_and_the_roles_that_it_binds_by_theirs():
    assert NEEDING.needs_of("rule 2") == Needs(acr=("mfa",), within=60)
    assert NEEDING.needs_of("rule 3") == FRESH
    assert NEEDING.needs_of("rule 4") is NEEDING.needs_of("rule 9") is None
    assert NEEDING.bound_roles() == {"Op", "User"}


def test_a_rule_that_needs_more_tells_what_it_looked_at_and_what_it_needs():
    identity = replace(person("ops"), authentication=Authentication("mfa", at=100))
    told = NEEDING.evaluate(identity, 120).trace[1]
    assert told.because == (
        "group 'ops' is 'ops'",
        "authentication context (acr) 'mfa'",
        "authentication within the last 1m",
    )
    missed = NEEDING.evaluate(identity, 160).trace[1]
    assert missed.because == ("group 'ops' is 'ops'", "needs authentication within the last 1m")
    assert (missed.matched, missed.step_up.roles, missed.step_up.teams) == (False, ("Op",), ("a", "b"))


def test_a_role_in_a_team_alone_is_not_given_everywhere():
    asked = ("Admin", "Op", "User", "Viewer", "red", "un safe")
    assert NEEDING.given_of(asked) == {"Admin", "Op", "User", "Viewer", "red"}
    within = compile_rules([rule({"group": "ops"}, "Op", teams=("a",)), rule({"group": "x"}, n=1)], known_roles=ROLES)
    assert within.given_of(asked) == {"Op", "Viewer"}
    assert within.given_of(asked, everywhere=True) == {"Viewer"}
    assert within.may_give("Op")
    assert not within.may_give("Op", everywhere=True)
    assert within.may_give("Viewer", everywhere=True)


def test_what_many_patterns_would_give_is_told_as_one():
    needing = replace(rule({"group_regex": "(?P<t>.*)"}, "Op", "Admin", teams=("{t}",)), needs=FRESH)
    teams = [f"team-{number:02}" for number in range(50)]
    told = compile_rules([needing], known_roles=ROLES).evaluate(person(*reversed(teams))).trace[0].step_up
    assert (told.roles, list(told.teams)) == (("Admin", "Op"), teams)
