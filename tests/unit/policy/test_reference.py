"""The compiled policy answers as the obvious one does, whatever the roles say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from airflow_oidc_auth.policy import roles, statements, team_rights, vocabulary
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.policy.name_rules import LISTED
from tests.unit.policy import reference
from tests.unit.policy.documents import ASKED, PEOPLE, WORLDS, answer, obvious, permissions


@settings(max_examples=250, deadline=None)
@given(world=WORLDS, held=PEOPLE, asked=ASKED)
def test_compiled_rights_are_what_the_obvious_reading_says(world, held, asked):
    found = permissions(world, held)
    for question in asked:
        assert answer(found, question) == obvious(world, held, question), question


@pytest.mark.parametrize(
    "table, expected",
    [
        (vocabulary.METHODS, reference.METHODS),
        (vocabulary.ACTIONS, reference.ACTIONS),
        (vocabulary.ENTITY_RESOURCES, {name: tuple(each) for name, each in reference.ENTITY_RESOURCES.items()}),
        (vocabulary.VIEW_RESOURCES, reference.VIEW_RESOURCES),
        (vocabulary.MENU_RESOURCES, reference.MENU_RESOURCES),
        (roles.RESOURCES, reference.AIRFLOWS_OWN),
        (BUILTIN_ROLES, reference.BUILTINS),
        (statements.ACTION_METHODS, {name: tuple(each) for name, each in reference.VERBS.items()}),
        (statements.PARTS, {name: tuple(each) for name, each in reference.PARTS.items()}),
        (statements.NAMED_RESOURCES, reference.OF_NAMES),
        (LISTED, set(reference.FILTERED)),
        (team_rights.TEAM_VIEWS, set(reference.TEAM_VIEWS)),
        (team_rights.TEAM_MENU, set(reference.TEAM_MENU)),
    ],
)
def test_the_words_are_those_that_the_obvious_reading_has_written_out(table, expected):
    assert table == expected


def test_actions_on_parts_are_those_that_the_obvious_reading_has_written_out():
    expected = {
        name: {*cells, *(("PATCH", of) for method, of in cells if method == "PUT")}
        for name, cells in reference.MACROS.items()
    }
    assert {name: set(cells) for name, cells in statements.MACROS.items()} == expected
