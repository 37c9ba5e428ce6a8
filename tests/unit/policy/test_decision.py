from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.decision import Decision, Question, explain_decision
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement
from tests.unit.policy.documents import ASKED, PEOPLE, WORLDS, answer, permissions, policy


def as_question(asked) -> Question | None:
    kind, *rest = asked
    if kind == "dag":
        method, entity, name, team = rest
        return Question(method, "dag", name=name, entity=entity, team=team)
    if kind == "thing":
        method, resource, name, team = rest
        return Question(method, "resource", resource, name, team=team)
    if kind == "custom":
        return Question(rest[0], "custom_view", rest[1])
    return Question("GET", kind, rest[0]) if kind in ("view", "menu") else None


def placed(world):
    """The same roles, with places."""
    return replace(world, roles={name: _placed(role) for name, role in world.roles.items()})


def _placed(role: RoleSettings) -> RoleSettings:
    allow = tuple(replace(line, path=f"roles.{role.name}.allow[{n}]") for n, line in enumerate(role.allow))
    deny = tuple(replace(line, path=f"roles.{role.name}.deny[{n}]") for n, line in enumerate(role.deny))
    return replace(role, allow=allow, deny=deny)


def only_denying(world, path: str):
    """The same roles with this denial alone."""
    roles = {
        name: replace(role, deny=tuple(line for line in role.deny if line.path == path))
        for name, role in world.roles.items()
    }
    return replace(world, roles=roles)


@settings(max_examples=120, deadline=None)
@given(world=WORLDS.map(placed), held=PEOPLE, asked=ASKED)
def test_the_explanation_is_the_answer_and_names_a_line_that_decides(world, held, asked):
    found, explaining = permissions(world, held), policy(world)
    for each in asked[:30]:
        question = as_question(each)
        if question is None:
            continue
        decision = explain_decision(explaining, *held, question)
        assert decision.allowed is answer(found, each), (question, decision)
        assert (decision.reason in ("admin", "allowed")) is decision.allowed
        if decision.reason == "denied":
            # With this denial alone, Admin is refused, too: everywhere, or in the team that the role holds in.
            held_in = decision.team and (decision.team, decision.role)
            powerful = ((*held[0], "Admin"), (held_in,)) if held_in else ((*held[0], decision.role, "Admin"), ())
            told = answer(permissions(only_denying(world, decision.path), powerful), each)
            assert not told or (held_in and asks_all_teams(question)), (question, decision)
        if decision.reason == "allowed":
            assert decision.text, (question, decision)


def asks_all_teams(question: Question) -> bool:
    """A list or a view that one team denies may still be open by others."""
    return question.kind in ("view", "menu") or not question.name


ROLES = {
    "finance": RoleSettings(
        "finance",
        allow=(
            Statement(("read",), "dags", DagSelector(ids=("fin_*",)), ("all",), "roles.finance.allow[0]"),
            Statement(("run",), "dags", DagSelector(tags=("fin",)), path="roles.finance.allow[1]"),
            Statement(("edit",), "dags", DagSelector(ids=("fin_*",)), path="roles.finance.allow[2]"),
            Statement(("edit",), "resources", ("XComs",), path="roles.finance.allow[3]"),
            Statement(("read",), "connections", NameSelector(names=("fin-*",)), path="roles.finance.allow[4]"),
        ),
        deny=(Statement(("read",), "dags", DagSelector(owners=("hr",)), path="roles.finance.deny[0]"),),
    ),
    "listing": RoleSettings("listing"),
    "quiet": RoleSettings(
        "quiet", deny=(Statement(("read",), "views", ("Jobs",), path="roles.quiet.deny[0]"),), extends=("Viewer",)
    ),
}
DAGS = {
    "fin_a": DagFacts("fin_a", tags=frozenset({"fin"})),
    "fin_hr": DagFacts("fin_hr", owners=frozenset({"hr"})),
    "mine": DagFacts("mine", roles={"finance": frozenset({"PUT"}), "listing": frozenset({"DELETE"})}),
    "ops": DagFacts("ops", team="ops"),
}
ALLOW_XCOMS = "roles.finance.allow[3]"
EXPLAINED = [
    (("finance",), ("dag", "GET", "XCOM", "fin_a", None), "allowed", "roles.finance.allow[0]", None),
    (("finance",), ("dag", "POST", "RUN", "fin_a", None), "allowed", "roles.finance.allow[1]", None),
    (
        ("finance",),
        ("dag", "PUT", "XCOM", "fin_a", None),
        "allowed",
        "roles.finance.allow[2]",
        "roles.finance.allow[3]",
    ),
    (("finance",), ("dag", "PUT", "XCOM", "mine", None), "allowed", None, None),
    (("listing",), ("dag", "DELETE", None, None, None), "allowed", None, None),
    (("finance",), ("dag", "PUT", "XCOM", "ops", None), "no_right_on_dag", None, None),
    (("finance",), ("dag", "PUT", "TASK", "fin_a", None), "no_right_on_part", None, None),
    (("finance",), ("dag", "GET", None, "ops", None), "no_right", None, None),
    (("finance", "Admin"), ("dag", "GET", "CODE", "fin_hr", None), "denied", "roles.finance.deny[0]", None),
    (("finance", "Admin"), ("dag", "GET", "CODE", "new", None), "denied", "roles.finance.deny[0]", None),
    (("finance", "Admin"), ("dag", "GET", "CODE", "fin_a", None), "admin", None, None),
    (("Viewer",), ("dag", "GET", "RUN", "ops", None), "allowed", None, None),
    (("Viewer",), ("thing", "GET", "Variables", "a", None), "no_right", None, None),
    (("finance",), ("thing", "GET", "Connections", "fin-1", None), "allowed", "roles.finance.allow[4]", None),
    (("finance",), ("thing", "GET", "Connections", None, None), "allowed", "roles.finance.allow[4]", None),
    (("quiet", "Admin"), ("view", "JOBS"), "denied", "roles.quiet.deny[0]", None),
    (("quiet",), ("menu", "JOBS"), "allowed", None, None),
]


@pytest.mark.parametrize("roles, asked, reason, path, also", EXPLAINED)
def test_each_decision_names_its_line(roles, asked, reason, path, also):
    explaining = Policy(ROLES, FixedIndex(DAGS), access_control=True)
    decision = explain_decision(explaining, roles, (), as_question(asked))
    assert (decision.reason, decision.path, decision.also) == (reason, path, also)


def test_a_role_in_a_team_is_named_with_the_team():
    explaining = Policy(ROLES, FixedIndex(DAGS))
    question = Question("GET", "dag", name="ops", entity="RUN")
    expected = Decision(allowed=True, reason="allowed", text="built-in role Viewer", role="Viewer", team="ops")
    assert explain_decision(explaining, (), [("ops", "Viewer")], question) == expected
    assert explain_decision(explaining, (), [("fin", "Viewer")], question).reason == "no_right"


def test_what_is_missing_is_said_in_words():
    question = Question("PUT", "dag", name="ops", entity="XCOM")
    told = explain_decision(Policy(ROLES, FixedIndex(DAGS)), ["finance"], (), question)
    assert told.text == "roles.finance.allow[3] allows the part, but nothing allows this DAG"
