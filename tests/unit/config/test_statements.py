"""The lines of roles: what they may select, and what they become."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from airflow_oidc_auth.config.json_schema import build_schema
from airflow_oidc_auth.config.schema.statements import KINDS, MENU, VIEWS, Action, Part
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.policy.roles import RESOURCES, RoleSettings
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import ACTION_METHODS, MACROS, PARTS, Kind, Statement
from tests.unit.config.documents import compile_text, document, problems_in

FINANCE = """
roles:
  finance:
    extends: [Viewer]
    allow:
      - {actions: [read], resources: [DAG Runs, Task Instances]}
      - {actions: [read, run, clear], dags: ["finance_*"], parts: [all]}
      - {actions: [edit], dags: {tags: [finance], owners: [fin], bundles: ["fin-*"], teams: [fin], ids: ["f_*"]}}
      - {actions: [read], connections: ["fin-*"]}
      - {actions: [read, delete], variables: {names: [a, "b?"], teams: [fin]}}
      - {actions: [edit], pools: {teams: [fin]}}
      - {actions: [create], assets: ["s3://fin/*"]}
      - {actions: [read], configuration: [core, "log*"]}
      - {actions: [read], views: [Jobs]}
      - {actions: [menu], menu: [Connections]}
      - {actions: [read, menu], custom_views: ["My *", "Your [beta] view"]}
    deny:
      - {actions: [read], dags: ["finance_secret_*"]}
      - {actions: [create], dags: ["finance_daily"]}
      - {actions: [respond, pause], dags: {owners: [them]}}
"""


def with_roles(text: str) -> str:
    return document(grants="rules: [{when: {group: a}, roles: [Admin]}]", top=text)


def role(text: str) -> RoleSettings:
    (only,) = compile_text(with_roles(text)).roles.values()
    return only


def statement(text: str) -> Statement:
    return role(f"roles: {{r: {{allow: [{text}]}}}}").allow[0]


def problems(text: str, key: str = "allow") -> list[tuple[str, str]]:
    found = problems_in(with_roles(f"roles: {{r: {{{key}: [{text}]}}}}"))
    return [(each.path, f"{each.text} — {each.suggestion}") for each in found]


def test_every_line_becomes_a_statement_that_knows_its_place() -> None:
    finance = role(FINANCE)
    assert finance.path == "roles.finance"
    assert [each.path for each in finance.allow] == [f"roles.finance.allow[{n}]" for n in range(11)]
    assert [each.path for each in finance.deny] == [f"roles.finance.deny[{n}]" for n in range(3)]
    assert [(each.actions, each.kind, each.selector, each.parts) for each in (*finance.allow, *finance.deny)] == [
        (("read",), "resources", ("DAG Runs", "Task Instances"), None),
        (("read", "run", "clear"), "dags", DagSelector(ids=("finance_*",)), ("all",)),
        (("edit",), "dags", DagSelector(("f_*",), ("finance",), ("fin",), ("fin-*",), ("fin",)), None),
        (("read",), "connections", NameSelector(("fin-*",)), None),
        (("read", "delete"), "variables", NameSelector(("a", "b?"), ("fin",)), None),
        (("edit",), "pools", NameSelector(teams=("fin",)), None),
        (("create",), "assets", NameSelector(("s3://fin/*",)), None),
        (("read",), "configuration", ("core", "log*"), None),
        (("read",), "views", ("Jobs",), None),
        (("menu",), "menu", ("Connections",), None),
        (("read", "menu"), "custom_views", ("My *", "Your [beta] view"), None),
        (("read",), "dags", DagSelector(ids=("finance_secret_*",)), None),
        (("create",), "dags", DagSelector(ids=("finance_daily",)), None),
        (("respond", "pause"), "dags", DagSelector(owners=("them",)), None),
    ]


def test_the_path_of_an_odd_role_name_is_written_as_problems_write_it() -> None:
    assert role("roles: {'fin lead': {deny: [{actions: [read], dags: [a]}]}}").deny[0].path == (
        'roles["fin lead"].deny[0]'
    )


def test_a_list_is_short_for_ids_or_names() -> None:
    assert statement("{actions: [read], dags: [a, 'b*']}") == statement("{actions: [read], dags: {ids: [a, 'b*']}}")
    assert statement("{actions: [read], pools: [a]}") == statement("{actions: [read], pools: {names: [a]}}")


def test_a_role_may_only_deny() -> None:
    contractor = role("roles: {contractor: {deny: [{actions: [read], resources: [Connections]}]}}")
    assert (contractor.allow, contractor.extends) == ((), ())
    assert len(contractor.deny) == 1


def test_the_words_of_the_document_are_those_of_the_policy() -> None:
    assert set(get_args(Action)) == {*ACTION_METHODS, *MACROS}
    assert set(get_args(Part)) == set(PARTS)
    assert set(KINDS) == set(get_args(Kind))
    assert {*VIEWS, *MENU} <= set(RESOURCES)


MISTAKES = [
    ("{actions: [read], dags: {}}", "dags", "selects nothing"),
    ("{actions: [read], dags: {tags: []}}", "dags.tags", "must not be empty"),
    ("{actions: [read], dags: {tag: [a]}}", "dags.tag", "did you mean tags?"),
    ("{actions: [read], dags: a}", "dags", "must be a list or a mapping, not text"),
    ("{actions: [read], dags: {ids: a}}", "dags.ids", "must be a list"),
    ("{actions: [read], dags: ['']}", "dags[0]", "empty"),
    ("{actions: [read], dags: ['a[bc]']}", "dags[0]", "only * (any text) and ?"),
    ("{actions: [read], dags: ['{a,b}']}", "dags[0]", "only * (any text) and ?"),
    ("{actions: [read], dags: ['^a$']}", "dags[0]", "neither a DAG id nor"),
    ("{actions: [read], dags: {ids: [b, 'a[bc]']}}", "dags.ids[1]", "only * (any text) and ?"),
    ("{actions: [read], dags: {owners: ['a{b']}}", "dags.owners[0]", "only * (any text) and ?"),
    (r"{actions: [read], dags: {tags: ['a\b']}}", "dags.tags[0]", "only * (any text) and ?"),
    ("{actions: [read], dags: {teams: [1]}}", "dags.teams[0]", "must be text"),
    ("{actions: [read], connections: {}}", "connections", "selects nothing"),
    ("{actions: [read], connections: []}", "connections", "must not be empty"),
    ("{actions: [read], connections: {names: []}}", "connections.names", "must not be empty"),
    ("{actions: [read], variables: {ids: [a]}}", "variables.ids", "use one of: names, teams"),
    ("{actions: [read], pools: ['a[b]']}", "pools[0]", "only * (any text) and ?"),
    ("{actions: [read], assets: {teams: [red]}}", "assets", "must be a list, not a mapping"),
    ("{actions: [read], assets: []}", "assets", "must not be empty"),
    ("{actions: [menu], assets: [a]}", "actions[0]", "use one of: read, create, edit, delete"),
    ("{actions: [menu], pools: [a]}", "actions[0]", "use one of: read, create, edit, delete"),
    ("{actions: [run], connections: [a]}", "actions[0]", "is an action on DAGs"),
    ("{actions: [read, clear], resources: [DAG Runs]}", "actions[1]", "is an action on DAGs"),
    ("{actions: [pause], custom_views: [a]}", "actions[0]", "is an action on DAGs"),
    ("{actions: [respond], assets: [a]}", "actions[0]", "is an action on DAGs"),
    ("{actions: [edit], configuration: [core]}", "actions[0]", "use one of: read"),
    ("{actions: [read], configuration: ['c{']}", "configuration[0]", "only * (any text) and ?"),
    ("{actions: [menu], views: [Jobs]}", "actions[0]", "use one of: read"),
    ("{actions: [read], views: [Job]}", "views[0]", "did you mean Jobs?"),
    ("{actions: [read], views: [Connections]}", "views[0]", "is not a read-only page"),
    ("{actions: [read], menu: [Jobs]}", "actions[0]", "use one of: menu"),
    ("{actions: [menu], menu: [Conections]}", "menu[0]", "did you mean Connections?"),
    ("{actions: [read], custom_views: ['a[b]*']}", "custom_views[0]", "only * (any text) and ?"),
    ("{actions: [read], resources: [DAG Runs], parts: [runs]}", "parts", "is only for dags"),
    ("{actions: [read], connections: [a], parts: [runs]}", "parts", "is only for dags"),
    ("{actions: [run], dags: [a], parts: [logs]}", "parts", "changes nothing: run says itself"),
    ("{actions: [read], dags: [a], parts: []}", "parts", "must not be empty"),
    ("{actions: [read], dags: [a], parts: [log]}", "parts[0]", "did you mean logs?"),
    ("{actions: [read], dags: [a], parts: all}", "parts", "must be a list"),
    ("{actions: [runn], dags: [a]}", "actions[0]", "did you mean run?"),
    ("{actions: [menu], dags: [a], parts: [all]}", "actions[0]", "is no action on a single DAG"),
    ("{actions: [read], dags: [a], pools: [b]}", "", "holds dags and pools"),
    ("{actions: [read], dags: [a], when: {}}", "when", "is not a known key"),
]


@pytest.mark.parametrize("key", ["allow", "deny"])
@pytest.mark.parametrize("text, place, words", MISTAKES, ids=[text for text, *_ in MISTAKES])
def test_every_mistake_is_told_at_its_place(text: str, place: str, words: str, key: str) -> None:
    ((path, told),) = problems(text, key)
    assert path == f"roles.r.{key}[0].{place}".rstrip(".")
    assert words in told


def test_parts_without_a_selection_are_no_selection() -> None:
    ((path, told),) = problems("{actions: [read], parts: [all]}")
    assert path == "roles.r.allow[0]"
    assert "write one of: resources, dags" in told


def test_only_a_denial_speaks_of_creating_in_a_dag_as_a_whole() -> None:
    ((path, told),) = problems("{actions: [create], dags: [a]}")
    assert (path, "write run to start runs" in told) == ("roles.r.allow[0].actions[0]", True)
    assert statement("{actions: [create], dags: [a], parts: [runs]}").parts == ("runs",)
    assert role("roles: {r: {deny: [{actions: [create], dags: [a]}]}}").deny[0].actions == ("create",)


def test_all_mistakes_of_a_role_are_told_at_once() -> None:
    allow = "{actions: [run], pools: [a], parts: [all]}, {actions: [create], dags: [a]}"
    deny = "{actions: [menu], views: [Jobs]}"
    found = problems_in(with_roles(f"roles: {{r: {{allow: [{allow}], deny: [{deny}]}}}}"))
    assert {each.path for each in found} == {
        *("roles.r.allow[0].actions[0]", "roles.r.allow[0].parts"),
        *("roles.r.allow[1].actions[0]", "roles.r.deny[0].actions[0]"),
    }


def test_editors_accept_what_we_accept() -> None:
    Draft202012Validator(build_schema()).validate(yaml.safe_load(with_roles(FINANCE)))


ENTRIES = st.fixed_dictionaries(
    {"actions": st.lists(st.sampled_from([*get_args(Action), "raed"]), max_size=3)},
    optional={
        "dags": st.sampled_from([["a*"], {"tags": ["x"]}, {}, [], "a", ["a["], {"ids": ["a"], "teams": []}]),
        "parts": st.lists(st.sampled_from([*get_args(Part), "x"]), max_size=2),
        "connections": st.sampled_from([["a*"], {"teams": ["x"]}, {}, []]),
        "configuration": st.sampled_from([["core"], []]),
        "views": st.sampled_from([["Jobs"], ["DAGs"]]),
        "resources": st.sampled_from([["Jobs"], ["Nothing"]]),
    },
)


@given(st.lists(ENTRIES, min_size=1, max_size=2), st.sampled_from(["allow", "deny"]))
def test_editors_refuse_nothing_that_we_accept_and_what_we_accept_selects_something(
    entries: list[dict[str, Any]], key: str
) -> None:
    text = with_roles(f"roles: {json.dumps({'r': {key: entries}})}")
    try:
        compiled = compile_text(text).roles["r"]
    except ConfigurationError:
        return
    Draft202012Validator(build_schema()).validate(yaml.safe_load(text))
    for each in (*compiled.allow, *compiled.deny):
        assert each.actions
        assert each.selector not in (DagSelector(), NameSelector(), ())
        assert each.parts != ()
