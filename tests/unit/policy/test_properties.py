"""What must hold whatever the roles say."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_oidc_auth.policy.name_rules import LISTED
from airflow_oidc_auth.policy.team_rights import TEAM_MENU, TEAM_VIEWS
from tests.unit.policy.documents import (
    ASKED,
    ENTITIES_ASKED,
    IDS,
    METHODS_ASKED,
    PEOPLE,
    STATEMENTS,
    TEAMS,
    WORLDS,
    answer,
    permissions,
)

SOME = settings(max_examples=40, deadline=None)
NAMES = ("a", "ab", "b_1", "core", "logs")


def opened(world, held, asked) -> set[object]:
    found = permissions(world, held)
    return {question for question in asked if answer(found, question)}


def with_denial(world, name, line):
    role = world.roles[name]
    return replace(world, roles={**world.roles, name: replace(role, deny=(*role.deny, line))})


@SOME
@given(world=WORLDS, held=PEOPLE, asked=ASKED, name=st.sampled_from(("one", "two")), line=STATEMENTS)
def test_one_more_denial_never_allows_more(world, held, asked, name, line):
    assert opened(with_denial(world, name, line), held, asked) <= opened(world, held, asked)


def without_denials(world):
    return replace(world, roles={name: replace(role, deny=()) for name, role in world.roles.items()})


def without(values, index):
    return values[:index] + values[index + 1 :]


@SOME
@given(world=WORLDS.map(without_denials), held=PEOPLE, asked=ASKED)
def test_one_role_less_never_allows_more_where_nothing_is_denied(world, held, asked):
    everywhere, within = held
    everything = opened(world, held, asked)
    for index in range(len(everywhere)):
        assert opened(world, (without(everywhere, index), within), asked) <= everything
    for index in range(len(within)):
        assert opened(world, (everywhere, without(within, index)), asked) <= everything


@SOME
@given(world=WORLDS, held=PEOPLE, asked=ASKED, name=st.sampled_from(("one", "two", "three")))
def test_one_right_less_in_a_role_never_allows_more(world, held, asked, name):
    role, everything = world.roles[name], opened(world, held, asked)
    for index in range(len(role.allow)):
        fewer = replace(role, allow=without(role.allow, index))
        assert opened(replace(world, roles={**world.roles, name: fewer}), held, asked) <= everything


@SOME
@given(world=WORLDS, held=PEOPLE, method=st.sampled_from(METHODS_ASKED), team=st.sampled_from((None, *TEAMS)))
def test_a_filter_is_the_answer_for_each_item(world, held, method, team):
    found = permissions(world, held)
    for entity in ENTITIES_ASKED[1:]:
        allowed = {dag_id for dag_id in IDS if found.allows_dag(method, entity, dag_id, team)}
        assert found.filter_dag_ids(method, set(IDS), team, entity) == allowed
        if team is None and found.dags is not None:
            assert found.dag_ids(method, entity) == {dag_id for dag_id in allowed if dag_id in world.dags}
        if found.allows_every_dag(method, entity):
            assert allowed == set(IDS)
    for resource in (*LISTED, "Assets", "Configurations"):
        allowed = {name for name in NAMES if found.allows_named(method, resource, name, team)}
        assert found.filter_names(method, resource, NAMES, team) == allowed
        assert found.allows_some(method, resource) or not allowed
        if method == "GET" and resource in LISTED and allowed:
            assert found.allows(method, resource)


@SOME
@given(world=WORLDS, held=PEOPLE, method=st.sampled_from(("GET", "PUT")), entity=st.sampled_from((None, "RUN", "XCOM")))
def test_whoever_may_see_one_dag_may_ask_for_the_list(world, held, method, entity):
    found = permissions(world, held)
    if method == "GET" and found.filter_dag_ids(method, set(world.dags), None, entity):
        assert found.allows_dag(method, entity, None)


@SOME
@given(world=WORLDS, held=PEOPLE, asked=ASKED)
def test_an_unknown_dag_is_closed_to_whoever_is_denied_dags_by_what_they_are(world, held, asked):
    fields = ("tags", "owners", "bundles")
    held_roles = {role for role in held[0] if role in world.roles} | {
        role for _, role in held[1] if role in world.roles
    }
    found = permissions(world, held)
    for name in held_roles:
        for line in world.roles[name].deny:
            selector = line.selector
            if line.kind != "dags" or selector.ids or not any(getattr(selector, key) for key in fields):
                continue
            if "read" in line.actions and line.parts is None:
                assert not any(found.allows_dag("GET", entity, "new") for entity in ENTITIES_ASKED)


@SOME
@given(world=WORLDS, within=PEOPLE.map(lambda held: held[1]), asked=ASKED)
def test_roles_in_teams_open_nothing_that_no_team_owns(world, within, asked):
    found = permissions(world, ((), within))
    for question in opened(world, ((), within), asked):
        kind, *rest = question
        assert kind != "custom", question
        assert kind != "view" or rest[0] in TEAM_VIEWS, question
        assert kind != "menu" or rest[0] in TEAM_MENU, question
        if kind == "dag" and rest[2]:
            facts = world.dags.get(rest[2])
            team = rest[3] or (facts and facts.team)
            assert team in {team for team, _ in within}, question
        if kind == "thing":
            is_list = rest[0] == "GET" and not rest[2]
            assert rest[1] in LISTED, question
            assert is_list or rest[3] in {team for team, _ in within}, question
    assert not found.allows_dag("GET", "AUDIT_LOG", None)
    assert not any(found.allows_every_dag(method) for method in METHODS_ASKED)
