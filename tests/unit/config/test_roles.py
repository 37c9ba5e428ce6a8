from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from airflow_oidc_auth.config.json_schema import build_schema
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.grants.grant import Refusal
from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.roles import collect_pairs
from tests.unit.config.documents import compile_text, document, problems_in
from tests.unit.grants.people import person

ALLOW = "allow: [{actions: [read], resources: [Jobs]}]"
FINANCE = """
roles:
  finance:
    description: "Runs the finance DAGs"
    extends: [Viewer]
    allow:
      - {actions: [read, edit], resources: [DAG Runs, Pools]}
      - {actions: [read, delete], dags: [finance_daily, finance.monthly]}
      - {actions: [menu], custom_views: [My plugin]}
  finance-lead: {extends: [finance, Op]}
"""


def with_roles(text: str, *, grants: str = "rules: [{when: {group: a}, roles: [Admin]}]") -> str:
    return document(grants=grants, top=text)


def test_roles_become_pairs_of_methods_and_resources():
    roles = compile_text(with_roles(FINANCE)).roles
    assert list(roles) == ["finance", "finance-lead"]
    assert roles["finance"].description == "Runs the finance DAGs"
    assert roles["finance"].extends == ("Viewer",)
    assert collect_pairs(["finance"], roles) - BUILTIN_PAIRS["Viewer"] == {
        *(("PUT", "DAG Runs"), ("PUT", "Pools")),
        *(("GET", "DAG:finance_daily"), ("DELETE", "DAG:finance_daily")),
        *(("GET", "DAG:finance.monthly"), ("DELETE", "DAG:finance.monthly")),
        ("MENU", "My plugin"),
    }
    assert [each.path for each in roles["finance"].allow] == [f"roles.finance.allow[{n}]" for n in range(3)]
    with pytest.raises(TypeError):
        roles["other"] = roles["finance"]


def test_the_policy_knows_the_roles():
    permissions = Policy(compile_text(with_roles(FINANCE)).roles).permissions(["finance"])
    assert permissions.allows("PATCH", "Pools")
    assert permissions.allows_dag("DELETE", None, "finance_daily")
    assert not permissions.allows_dag("DELETE", None, "other")
    assert permissions.allows_dag("GET", "TASK_LOGS", "other")
    assert permissions.allows_custom_view("MENU", "My plugin")
    assert not permissions.allows_custom_view("GET", "My plugin")


def test_a_document_without_roles_has_none():
    assert compile_text(document()).roles == {}
    assert compile_text(with_roles("roles: {}")).roles == {}


def test_rules_may_give_custom_roles_also_through_a_capture():
    grants = "rules: [{when: {group: f}, roles: [finance]}, {when: {group_regex: '(?P<r>.+)'}, roles: ['{r}']}]"
    compiled = compile_text(with_roles(FINANCE, grants=grants))
    assert compiled.grants.may_give("finance")
    assert compiled.grants.evaluate(person("finance-lead")).decision.roles == ("finance-lead",)
    assert isinstance(compiled.grants.evaluate(person("finance-boss")).decision, Refusal)


def test_a_rule_that_misspells_a_custom_role_is_told_the_right_one():
    grants = "rules: [{when: {group: f}, roles: [finanse]}]"
    (found,) = problems_in(with_roles(FINANCE, grants=grants))
    assert (found.path, found.suggestion) == ("grants.rules[0].roles[0]", "did you mean finance?")


def test_a_role_that_is_not_valid_may_still_be_named_so_that_one_mistake_is_told_once():
    grants = "rules: [{when: {group: f}, roles: [finance]}]"
    found = problems_in(with_roles("roles: {finance: {}, lead: {extends: [finance]}}", grants=grants))
    assert [each.path for each in found] == ["roles.finance"]


MISTAKES = [
    ("{r: {}}", [("roles.r", "says nothing")]),
    ("{r: }", [("roles.r", "has no value")]),
    ("{r: [Viewer]}", [("roles.r", "must be a mapping, not a list")]),
    ("[r]", [("roles", "must be a mapping, not a list")]),
    ("{r: {allow: []}}", [("roles.r.allow", "must not be empty")]),
    ("{r: {extends: []}}", [("roles.r.extends", "must not be empty")]),
    ("{r: {extends: Viewer}}", [("roles.r.extends", "must be a list")]),
    ("{r: {alow: [], extends: [Op]}}", [("roles.r.alow", "did you mean allow?")]),
    ("{r: {extends: [Viewre]}}", [("roles.r.extends[0]", "did you mean Viewer?")]),
    ("{r: {extends: [viewer]}}", [("roles.r.extends[0]", "did you mean Viewer?")]),
    ("{r: {extends: [Op, Admin]}}", [("roles.r.extends[1]", "Admin by another name")]),
    ("{r: {extends: [r]}}", [("roles.r.extends[0]", "r → r")]),
    (f"{{a: {{extends: [Op, b]}}, b: {{extends: [a], {ALLOW}}}}}", [("roles.a.extends[1]", "a → b → a")]),
    (f"{{Viewer: {{{ALLOW}}}}}", [("roles.Viewer", "built-in role")]),
    (f"{{ADMIN: {{{ALLOW}}}}}", [("roles.ADMIN", "built-in role")]),
    (f"{{'{{team}}': {{{ALLOW}}}}}", [('roles["{team}"]', "brace")]),
    (f"{{' r': {{{ALLOW}}}}}", [('roles[" r"]', "space")]),
    (f"{{'': {{{ALLOW}}}}}", [("roles", "empty")]),
    (f"{{{'r' * 65}: {{{ALLOW}}}}}", [(f"roles.{'r' * 65}", "too long (at most 64)")]),
    ("{r: {allow: [{actions: [read]}]}}", [("roles.r.allow[0]", "does not say what the actions are for")]),
    ("{r: {allow: [{resources: [DAGs]}]}}", [("roles.r.allow[0].actions", "is missing")]),
    ("{r: {allow: [{actions: [], resources: [DAGs]}]}}", [("roles.r.allow[0].actions", "must not be empty")]),
    ("{r: {allow: [{actions: [read], resources: []}]}}", [("roles.r.allow[0].resources", "must not be empty")]),
    ("{r: {allow: [{actions: [read], dags: []}]}}", [("roles.r.allow[0].dags", "must not be empty")]),
    ("{r: {allow: [{actions: [raed], dags: [a]}]}}", [("roles.r.allow[0].actions[0]", "did you mean read?")]),
    ("{r: {allow: [{actions: [can_read], dags: [a]}]}}", [("roles.r.allow[0].actions[0]", "did you mean read?")]),
    ("{r: {allow: [{actions: [read], resources: [DAG]}]}}", [("roles.r.allow[0].resources[0]", "did you mean DAGs?")]),
    ("{r: {allow: [{actions: [read], resources: ['*']}]}}", [("roles.r.allow[0].resources[0]", "is not a resource")]),
    ("{r: {allow: [{actions: [read], resources: ['DAG:a']}]}}", [("roles.r.allow[0].resources[0]", "not a resource")]),
    ("{r: {allow: [{actions: [read], dags: ['a b']}]}}", [("roles.r.allow[0].dags[0]", "neither a DAG id nor")]),
    ("{r: {allow: [{actions: [read], dags: [1]}]}}", [("roles.r.allow[0].dags[0]", "must be text")]),
    (
        "{r: {allow: [{actions: [read, menu, create], dags: [a]}]}}",
        [("roles.r.allow[0].actions[1]", "read, edit, delete, run"), ("roles.r.allow[0].actions[2]", "write run")],
    ),
    (
        "{r: {allow: [{actions: [read], dags: [a], resources: [DAG Runs]}]}}",
        [("roles.r.allow[0]", "resources and dags")],
    ),
    ("{r: {allow: [{actions: [read], custom_views: [DAGs]}]}}", [("roles.r.allow[0].custom_views[0]", "resources")]),
    ("{r: {allow: [{actions: [read], custom_views: ['DAG:a']}]}}", [("roles.r.allow[0].custom_views[0]", "dags")]),
    (
        "{r: {allow: [{actions: [raed], dags: [a]}]}, s: {extends: [t]}, u: {extends: [u]}}",
        [
            ("roles.r.allow[0].actions[0]", "read"),
            ("roles.s.extends[0]", "known role"),
            ("roles.u.extends[0]", "u → u"),
        ],
    ),
]


@pytest.mark.parametrize("text, expected", MISTAKES, ids=[text for text, _ in MISTAKES])
def test_every_mistake_is_told_at_its_place(text, expected):
    found = problems_in(with_roles(f"roles: {text}"))
    assert sorted(each.path for each in found) == sorted(path for path, _ in expected), "\n".join(map(str, found))
    for path, fragment in expected:
        assert any(each.path == path and fragment in f"{each.text} — {each.suggestion}" for each in found), found


def test_mistakes_in_roles_do_not_hide_those_in_rules():
    grants = "rules: [{when: {group: f}, roles: [Amdin]}]"
    found = problems_in(with_roles("roles: {r: {extends: [Oops]}}", grants=grants))
    assert {each.path for each in found} == {"grants.rules[0].roles[0]", "roles.r.extends[0]"}


@pytest.mark.parametrize(
    "role, warned",
    [
        ("{extends: [Viewer]}", False),
        ("{allow: [{actions: [read], dags: [a]}, {actions: [read, menu], resources: [DAGs]}]}", False),
        ("{allow: [{actions: [read], resources: [Connections]}]}", True),
        ("{allow: [{actions: [edit], dags: [a]}]}", True),
        ("{extends: [User]}", True),
    ],
)
def test_a_role_for_everyone_that_does_more_than_look_is_warned_about(role, warned):
    grants = "rules: [{when: {group: a}, roles: [Admin]}, {when: {everyone: true}, roles: [r]}]"
    warnings = compile_text(with_roles(f"roles: {{r: {role}}}", grants=grants)).warnings
    assert [each.path for each in warnings] == (["grants.rules[1].roles"] if warned else [])


def test_another_right_is_another_configuration():
    more = FINANCE.replace("delete", "edit")
    assert compile_text(with_roles(FINANCE)).digest != compile_text(with_roles(more)).digest


def test_editors_accept_what_we_accept():
    Draft202012Validator(build_schema()).validate(yaml.safe_load(with_roles(FINANCE)))


NAMES = ["a", "b", "c", "Op", "Admin", "x"]
ROLES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.fixed_dictionaries({"extends": st.lists(st.sampled_from(NAMES), min_size=1, max_size=3)}),
    min_size=1,
)


@given(roles=ROLES)
def test_no_accepted_role_is_admin_or_leads_back_to_itself(roles):
    try:
        compiled = compile_text(with_roles(f"roles: {json.dumps(roles)}"))
    except ConfigurationError:
        return
    reached = {name: set(role["extends"]) for name, role in roles.items()}
    for _ in reached:
        reached = {name: found.union(*(reached.get(role, ()) for role in found)) for name, found in reached.items()}
    assert all(name not in found and found.isdisjoint({"Admin", "x"}) for name, found in reached.items())
    assert not any(Policy(compiled.roles).permissions([role]).everything for role in roles)
