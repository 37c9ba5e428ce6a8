"""Things by name: who may touch which, where only part of a rule fits."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.policy import name_rules
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.name_rules import LONGEST, NO_NAME, UNTOLD_TEAM
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import NameSelector
from airflow_oidc_auth.policy.statements import Statement


def given(*allow: Statement, deny: tuple[Statement, ...] = (), roles: tuple[str, ...] = ()) -> Permissions:
    return Policy({"r": RoleSettings("r", allow, deny)}).permissions(("r", *roles))


def connections(names: tuple[str, ...] = (), teams: tuple[str, ...] = ()) -> Statement:
    return Statement(("read", "create"), "connections", NameSelector(names, teams))


def test_a_denial_of_all_that_one_team_has_leaves_the_list_of_the_others_open():
    found = given(deny=(connections(("*",), ("fin",)),), roles=("Op",))
    assert found.allows("GET", "Connections")
    assert found.filter_names("GET", "Connections", ["a"], "fin") == set()
    assert found.filter_names("GET", "Connections", ["a"], "ops") == {"a"}


def test_some_connections_are_listed_though_a_team_has_none_that_may_be_seen():
    found = given(connections(("a*",)), deny=(connections(("*",), ("fin",)),))
    assert found.allows("GET", "Connections")
    assert found.filter_names("GET", "Connections", ["a", "b"]) == {"a"}
    assert found.filter_names("GET", "Connections", ["a", "b"], "fin") == set()


def test_where_only_one_team_is_denied_things_without_a_name_may_be_made_elsewhere():
    found = given(deny=(connections(("*",), ("fin",)),), roles=("Op",))
    assert found.allows_named("POST", "Connections", None, "ops")
    assert found.allows_named("POST", "Connections", None)
    assert not found.allows_named("POST", "Connections", None, "fin")


@pytest.mark.parametrize(
    "allow, deny, expected",
    [
        (((), ("*",)), None, False),
        (((), ("?", "fin")), None, False),
        ((("a*",), ()), None, True),
        ((("*",), ()), ((), ("fin",)), False),
        ((("*",), ()), (("a*",), ("fin",)), False),
        ((("*",), ()), (("b*",), ("fin",)), True),
    ],
)
def test_where_airflow_does_not_tell_the_team_it_is_whichever_opens_least(allow, deny, expected):
    found = given(connections(*allow), deny=(connections(*deny),) if deny else ())
    assert found.allows_named("GET", "Connections", "a1", UNTOLD_TEAM) is expected


def test_a_denial_of_some_names_in_a_team_denies_them_there_alone():
    found = given(deny=(connections(("prod-*",), ("fin",)),), roles=("Op",))
    asked = [(name, team) for name in ("prod-1", "dev-1") for team in ("fin", "ops", None)]
    denied = [each for each in asked if not found.allows_named("GET", "Connections", *each)]
    assert denied == [("prod-1", "fin")]
    assert found.allows("GET", "Connections")


def test_a_pattern_denies_a_spelling_as_it_is_written_though_folded_it_is_longer():
    """The ligature is one letter for the pattern, and two for the database."""
    assert not given(deny=(connections(("?n-bank",)),), roles=("Op",)).allows_named(
        "GET", "Connections", "\ufb01n-bank"
    )


@pytest.mark.parametrize("length, matched", [(NO_NAME, True), (NO_NAME + 1, False)])
def test_the_longest_name_that_there_can_be_is_still_looked_at(length, matched):
    assert given(connections(("a*",))).allows_named("GET", "Connections", "a" * length) is matched
    assert given(connections(("*",))).allows_named("GET", "Connections", "a" * length)


@pytest.mark.parametrize("length, kept", [(LONGEST, 1), (LONGEST + 1, 0)])
def test_answers_about_names_that_things_have_are_kept(length, kept):
    found, misses = given(connections(("b*",))), lambda: name_rules._remember.cache_info().misses
    before = misses()
    for _ in range(2):
        assert not found.allows_named("GET", "Connections", "x" * length)
    assert misses() - before == kept


def test_patterns_of_plugins_views_open_no_other_plugin():
    views = Statement(("read",), "custom_views", ("My*",))
    assert given(views).allows_custom_view("GET", "My plugin")
    assert not given(views).allows_custom_view("GET", "Their plugin")
