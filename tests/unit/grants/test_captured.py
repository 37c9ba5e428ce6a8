"""Roles and teams made of what a pattern captured, and what a person is told of it."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_oidc_auth.grants.delegation import PATH
from airflow_oidc_auth.grants.filling import Share, fill_rule
from airflow_oidc_auth.grants.grant import Grant, Refusal, RuleTrace
from airflow_oidc_auth.grants.needs import Needs, Standing, readable
from airflow_oidc_auth.grants.rules import compile_rules
from airflow_oidc_auth.grants.template import could_become, fill, placeholders
from airflow_oidc_auth.identity.authentication import Authentication
from tests.unit.grants.people import ROLES, person, rule

UNSAFE = "role '{r}' not given: the captured text is not a safe name"


@pytest.mark.parametrize(
    "captured, shares, told",
    [
        ({"r": "Op", "t": "fin"}, [(("Op", "Viewer"), ("fin",))], []),
        ({"r": "Boss", "t": "fin"}, [(("Viewer",), ("fin",))], ["role 'Boss' not given: there is no such role"]),
        ({"r": "O p", "t": "fin"}, [(("Viewer",), ("fin",))], [UNSAFE]),
        ({"t": "fin"}, [(("Viewer",), ("fin",))], [UNSAFE]),
        (
            {"r": "Op"},
            [],
            ["Op, Viewer not given: the captured text makes no safe team name of '{t}' or 'x-{t}'"],
        ),
        (
            {"r": "Boss", "t": "f n"},
            [],
            [
                "role 'Boss' not given: there is no such role",
                "Viewer not given: the captured text makes no safe team name of '{t}' or 'x-{t}'",
            ],
        ),
    ],
)
def test_a_role_is_given_only_where_it_and_its_team_are_known(captured, shares, told):
    settings = rule({}, "{r}", "Viewer", teams=("{t}", "x-{t}"))
    given, refused = fill_rule(settings, ROLES, [captured])
    expected = [Share(roles, tuple(sorted((*teams, *(f"x-{team}" for team in teams))))) for roles, teams in shares]
    assert (list(given), list(refused)) == (expected, told)


def test_where_no_role_is_left_nothing_is_said_of_its_team():
    given, refused = fill_rule(rule({}, "{r}", teams=("{t}",)), ROLES, [{}])
    assert (given, refused) == ((), (UNSAFE,))


def test_where_roles_are_known_elsewhere_any_safe_name_is_given():
    """FAB's roles are in its database and change while the server runs."""
    assert fill_rule(rule({}, "{r}"), None, [{"r": "Boss"}]) == ((Share(("Boss",), ()),), ())
    assert fill_rule(rule({}, "{r}"), None, [{"r": "Bo ss"}]) == ((), (UNSAFE,))


def test_what_many_groups_give_comes_by_name():
    names = [f"n{number:02}" for number in range(50)]
    captured = [{"r": name, "t": team} for name in reversed(names[:5]) for team in reversed(names)]
    given, _ = fill_rule(rule({}, "{r}", teams=("{t}",)), None, captured)
    assert given == tuple(Share((name,), tuple(names)) for name in names[:5])


def test_of_a_group_that_captures_nothing_nothing_is_said_beside_one_that_does():
    rules = compile_rules([rule({"group_regex": "x(-(?P<r>.*))?"}, "{r}")], known_roles=ROLES)
    evaluation = rules.evaluate(person("x", "x-Op"))
    assert evaluation.decision.roles == ("Op",)
    assert not any("not given" in text for text in evaluation.trace[0].because)
    assert UNSAFE in rules.evaluate(person("x")).trace[0].because


@pytest.mark.parametrize("template", ["a}", "{a", "{a-b}", "{}", "{1}", "{a}}", "{{a}", "{a b}"])
def test_braces_hold_the_name_of_a_capture_and_nothing_else(template):
    with pytest.raises(ValueError, match="braces hold the name of a capture"):
        placeholders(template)


def test_a_template_is_filled_by_safe_text_alone():
    assert placeholders("x-{a}-{b}") == {"a", "b"}
    assert fill("x-{a}", {"a": "fin"}) == "x-fin"
    assert fill("plain", {}) == "plain"
    for text in ("", "a b", "a/b", "{b}", "a\n", "\u00e4", "x" * 65):
        assert fill("{a}", {"a": text, "b": "c"}) is None
    assert fill("{a}", {"b": "fin"}) is None


@pytest.mark.parametrize(
    "template, name, possible",
    [
        ("Op", "Op", True),
        ("Op", "Viewer", False),
        ("{t}-Op", "fin-Op", True),
        ("{t}-Op", "-Op", False),
        ("{t}-Op", "fin-Op2", False),
        ("{t}.Op", "finXOp", False),
        ("{t}", "a b", False),
    ],
)
def test_a_template_could_become_what_safe_text_makes_of_it(template, name, possible):
    assert could_become(template, name) is possible


AGENT = dataclasses.replace(person("ops"), actors=("agent-7",), client_id="agent")
ACTING = "'agent-7' acts on behalf of the subject"


def delegated(*cap, needs=None):
    """Decide about somebody who acts for a member of ops: Admin and Op by group, User after more."""
    by_group = rule({"group": "ops"}, "Admin", "Op")
    more = dataclasses.replace(rule({"group": "ops"}, "User", "Admin", n=1), needs=needs)
    rules = [by_group] if needs is None else [by_group, more]
    return compile_rules(rules, known_roles=ROLES, delegated_roles=cap).evaluate(AGENT, 100)


def test_what_is_taken_away_from_whoever_acts_for_somebody_is_told():
    assert delegated("Op").trace[-1] == RuleTrace(
        "delegated access", PATH, matched=True, because=(ACTING, "not on behalf of somebody: Admin")
    )
    assert delegated("Op").trace[0].rule == "rule 1"
    assert delegated("Op", "Admin").trace[-1].because == (ACTING,)
    assert delegated("Viewer").decision == Refusal("delegation_refused", path=PATH)
    assert not delegated("Viewer").trace[-1].matched


def test_whoever_gets_nothing_gets_nothing_for_somebody_else():
    rules = compile_rules([rule({"group": "dev"})], known_roles=ROLES, delegated_roles=["Viewer"])
    evaluation = rules.evaluate(AGENT)
    assert evaluation.decision == Refusal("no_matching_rule")
    assert evaluation.trace[-1] == RuleTrace("delegated access", PATH, matched=False, because=(ACTING,))


def test_more_after_another_authentication_is_offered_within_the_cap_alone():
    need = Needs(within=60)
    offered = {cap: delegated(*cap, needs=need).decision for cap in (("Op",), ("Op", "User"), ROLES)}
    assert all(isinstance(each, Grant) for each in offered.values())
    told = [[each.roles for each in decision.step_ups] for decision in offered.values()]
    assert told == [[], [("User",)], [("Admin", "User")]]


def test_a_fresh_authentication_of_the_wrong_kind_lasts_for_nothing():
    need = Needs(acr=("mfa",), amr=("hwk", "otp"), within=60)
    assert need.check(Authentication("pwd", frozenset({"hwk"}), 100), 120) == Standing(("acr",), None)
    assert need.check(Authentication("mfa", frozenset({"hwk"}), 100), 120) == Standing((), 160)
    assert need.check(Authentication("mfa", frozenset({"hwk"}), 100), 160) == Standing(("within",), None)


def test_what_is_needed_is_told_in_words():
    need = Needs(acr=("mfa",), amr=("hwk", "otp"), within=5400)
    acr, amr, within = need.describe()
    assert acr == "authentication context (acr) 'mfa'"
    assert amr == "authentication method (amr) 'hwk' or 'otp'"
    assert within == "authentication within the last 90m"
    assert need.describe_missed(("amr",)) == (amr,)
    assert Needs().describe() == ()


@pytest.mark.parametrize(
    "seconds, text",
    [(86400, "1d"), (172800, "2d"), (7200, "2h"), (86460, "1441m"), (60, "1m"), (90, "90s"), (0, "0s")],
)
def test_durations_are_written_as_the_document_writes_them(seconds, text):
    assert readable(seconds) == text
