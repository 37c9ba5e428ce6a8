"""What is done on behalf of somebody: told apart by rules, capped by ``delegated_roles``."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.grants.rules import GrantRules, compile_rules
from airflow_oidc_auth.grants.settings import RuleError, RuleSettings
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.authentication import Authentication
from tests.unit.grants.people import ROLES, person, rule

ADMIN = rule({"group": "ops"}, "Admin", n=0)
VIEWER = rule({"everyone": True}, "Viewer", n=1)


def agent(*groups: str, actors: tuple[str, ...] = ("agent-7",)) -> Identity:
    return dataclasses.replace(person(*groups), actors=actors, client_id="agent-client")


def capped(*cap: str, rules: tuple[RuleSettings, ...] = (ADMIN, VIEWER)) -> GrantRules:
    return compile_rules(rules, known_roles=ROLES, delegated_roles=cap)


def test_a_rule_can_be_for_people_themselves_only() -> None:
    rules = compile_rules([rule({"group": "ops", "delegated": False}, "Admin")], known_roles=ROLES)
    assert isinstance(rules.evaluate(person("ops")).decision, Grant)
    refused = rules.evaluate(agent("ops"))
    assert refused.decision == Refusal("no_matching_rule")
    assert "'agent-7' acts on behalf of the subject" in refused.trace[0].because


def test_a_rule_can_be_for_those_who_act_on_behalf_only() -> None:
    rules = compile_rules([rule({"everyone": True, "delegated": True}, "Viewer")], known_roles=ROLES)
    assert isinstance(rules.evaluate(agent()).decision, Grant)
    assert rules.evaluate(person()).trace[0].because == ("nobody acts on behalf of the subject",)


def test_without_the_key_a_rule_is_for_both() -> None:
    rules = compile_rules([VIEWER], known_roles=ROLES)
    assert rules.evaluate(agent()).decision == rules.evaluate(person()).decision


@pytest.mark.parametrize("value", [None, "true", 1, []])
def test_delegated_is_true_or_false(value: object) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rules([rule({"everyone": True, "delegated": value})], known_roles=ROLES)
    assert caught.value.path == "grants.rules[0].when.delegated"


def test_delegated_alone_does_not_say_who() -> None:
    with pytest.raises(RuleError, match="not who"):
        compile_rules([rule({"delegated": True})], known_roles=ROLES)


def test_an_expression_sees_who_acts() -> None:
    source = "delegated && actors == ['agent-7'] && client_id == 'agent-client'"
    rules = compile_rules([rule({"cel": source})], known_roles=ROLES)
    assert isinstance(rules.evaluate(agent()).decision, Grant)
    assert isinstance(rules.evaluate(person()).decision, Refusal)


def test_the_cap_takes_roles_away_and_tells_so() -> None:
    evaluation = capped("Viewer", "User").evaluate(agent("ops"))
    assert isinstance(evaluation.decision, Grant)
    assert evaluation.decision.roles == ("Viewer",)
    assert [match.rule for match in evaluation.decision.matches] == ["rule 2"]
    assert evaluation.trace[-1].path == "grants.delegated_roles"
    assert evaluation.trace[-1].because[1] == "not on behalf of somebody: Admin"


def test_the_cap_does_not_touch_people_themselves() -> None:
    evaluation = capped().evaluate(person("ops"))
    assert isinstance(evaluation.decision, Grant)
    assert evaluation.decision.roles == ("Admin", "Viewer")


def test_an_empty_cap_refuses_whoever_acts_on_behalf() -> None:
    assert capped().evaluate(agent("ops")).decision == Refusal("delegation_refused", path="grants.delegated_roles")


def test_the_end_of_one_rule_brings_no_capped_role_back() -> None:
    timed = dataclasses.replace(rule({"group": "ops"}, "User", "Admin", n=0), needs=Needs(within=60))
    here = dataclasses.replace(agent("ops"), authentication=Authentication(at=1000))
    grant = capped("User", "Viewer", rules=(timed, VIEWER)).evaluate(here, 1010).decision
    assert isinstance(grant, Grant)
    assert grant.roles == ("User", "Viewer")
    left = grant.at(1100)
    assert left is not None
    assert left.roles == ("Viewer",)
    assert left.withheld == {"User"}


@given(st.sets(st.sampled_from(ROLES)), st.sets(st.sampled_from(["ops", "dev"])))
def test_nobody_gets_more_on_behalf_of_a_person_than_the_person_has(cap: set[str], groups: set[str]) -> None:
    rules = capped(*cap)
    own, acting = rules.evaluate(person(*groups)).decision, rules.evaluate(agent(*groups)).decision
    given_roles = set(acting.roles) if isinstance(acting, Grant) else set()
    assert isinstance(own, Grant)
    assert given_roles == set(own.roles) & cap


@pytest.mark.parametrize("when", [{"everyone": True}, {"cel": "true"}, {"group": "ops"}])
def test_a_rule_that_names_no_provider_is_never_for_programs(when: dict[str, object]) -> None:
    program = dataclasses.replace(person("ops"), provider="actions")
    rules = compile_rules([rule(when)], known_roles=ROLES, workloads=["actions"])
    assert rules.evaluate(program).trace[0].because == ("does not apply: it names no provider, so it is for people",)
    assert rules.evaluate(program).decision == Refusal("no_matching_rule")
    assert isinstance(rules.evaluate(person("ops")).decision, Grant)


def test_a_rule_that_names_the_provider_is_for_its_programs() -> None:
    program = dataclasses.replace(person(repository="acme/etl"), provider="actions")
    named = rule({"claims": {"repository": "acme/etl"}}, "User", provider="actions")
    rules = compile_rules([named], known_roles=ROLES, workloads=["actions"])
    assert isinstance(rules.evaluate(program).decision, Grant)
