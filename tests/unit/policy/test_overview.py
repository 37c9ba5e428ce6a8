"""What people are shown that their roles allow, before anything is asked."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.policy.overview import Overview, overview_of
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Kind, Statement
from airflow_oidc_auth.policy.words import Line


def line(actions: str, kind: Kind, *names: str) -> Statement:
    return Statement(tuple(actions.split()), kind, names)


def on(actions: str, *ids: str) -> Statement:
    return Statement(tuple(actions.split()), "dags", DagSelector(ids=ids))


def called(kind: Kind, *names: str) -> Statement:
    return Statement(("read",), kind, NameSelector(names))


def seen(*allow: Statement, deny: tuple[Statement, ...] = (), held: str = "", team: str | None = None) -> Overview:
    """What is shown to somebody with a role that has these lines; of the team, if one is given."""
    settings = {"r": RoleSettings("r", allow, deny)}
    roles = ("r", *held.split())
    if team is None:
        return overview_of(roles, (), settings)
    return overview_of((), [(team, role) for role in roles], settings).teams[0].overview


def statements(lines: tuple[Line, ...]) -> list[Statement]:
    return [each.statement for each in lines]


WHOLE = (
    line("delete read menu", "resources", "Pools", "Jobs"),
    line("read", "views", "Website"),
    line("menu", "menu", "Pools"),
    line("edit", "custom_views", "My plugin"),
)
SOME = (
    on("read", "a", "b"),
    on("read", "a*"),
    line("read", "custom_views", "My*", "Mine"),
    line("read", "configuration", "core"),
    called("connections", "a"),
)


def test_what_is_allowed_of_all_of_a_kind_is_told_by_kind_and_the_rest_line_by_line():
    found = seen(*WHOLE, *SOME)
    assert found.resources == {
        "Jobs": ("read", "delete", "menu"),
        "My plugin": ("edit",),
        "Pools": ("read", "delete", "menu"),
        "Website": ("read",),
    }
    assert list(seen(held="Op").resources) == sorted(seen(held="Op").resources)
    assert statements(found.some) == list(SOME)
    assert (found.everything, found.denied, found.teams) == (False, (), ())


def test_what_is_denied_of_all_of_a_kind_is_not_told_as_allowed_and_every_denial_is_told():
    denials = (
        line("delete", "resources", "Pools"),
        line("read", "views", "Website"),
        line("read", "custom_views", "My*"),
        on("read", "a"),
        called("pools", "a"),
    )
    found = seen(*WHOLE, *SOME, deny=denials)
    assert found.resources == {
        "Jobs": ("read", "delete", "menu"),
        "My plugin": ("edit",),
        "Pools": ("read", "menu"),
    }
    assert statements(found.some) == list(SOME)
    assert statements(found.denied) == list(denials)


def test_admin_may_everything_in_the_place_that_the_role_holds_in():
    assert seen(held="Admin").everything
    assert seen(held="Admin", team="fin").everything
    assert not overview_of((), [("fin", "Admin")], {}).everything


@pytest.mark.parametrize(
    "found",
    [seen(held="Admin"), seen(held="Viewer"), seen(on("read", "a*")), overview_of((), [("fin", "nobody")], {})],
)
def test_whoever_may_something_somewhere_is_not_told_that_they_may_nothing(found):
    assert not found.nothing


def test_who_is_only_denied_something_may_nothing():
    assert seen(deny=(on("read", "a"),)).nothing
    assert Overview().nothing
    assert not Overview().everything


def test_in_a_team_a_powerful_role_is_told_with_what_a_team_can_own_and_the_way_to_it():
    every = ("read", "create", "edit", "delete", "menu")
    assert seen(held="Op", team="fin").resources == {
        "Connections": every,
        "DAG Code": ("read",),
        "DAG Dependencies": ("read",),
        "DAG Runs": every,
        "DAG Versions": ("read",),
        "DAG Warnings": ("read",),
        "DAGs": ("read", "edit", "delete", "menu"),
        "Documentation": ("menu",),
        "HITL Detail": ("read", "edit", "menu"),
        "Pools": every,
        "Task Instances": ("read", "create", "edit", "delete"),
        "Task Logs": ("read",),
        "Variables": every,
        "Website": ("read",),
        "XComs": every,
    }
    assert seen(line("read", "resources", "Audit Logs"), team="fin").resources == {"Audit Logs": ("read",)}


def test_in_a_team_lines_count_that_are_about_what_a_team_can_own():
    team = (on("read", "a"), called("connections", "a"), called("variables", "a"), called("pools", "a"))
    others = (called("assets", "a"), line("read", "configuration", "core"), line("read", "custom_views", "My*"))
    found = seen(*team, *others, deny=others, team="fin")
    assert statements(found.some) == list(team)
    assert statements(found.denied) == list(others)


def test_each_team_is_told_once_by_name_with_its_roles():
    role = RoleSettings("r", (on("read", "a"),))
    held = [("ops", "r"), ("fin", "r"), ("fin", "Viewer"), ("ops", "r"), ("fin", "Admin")]
    teams = overview_of(["r"], held, {"r": role}).teams
    assert [(each.team, each.roles) for each in teams] == [("fin", ("Admin", "Viewer", "r")), ("ops", ("r",))]
    assert [each.overview.everything for each in teams] == [True, False]
    assert [statements(each.overview.some) for each in teams] == [[on("read", "a")]] * 2
    many = [f"team-{number:02}" for number in range(50)]
    assert [each.team for each in overview_of((), [(team, "r") for team in reversed(many)], {"r": role}).teams] == many
