from __future__ import annotations

import pytest

from airflow_oidc_auth.policy.overview import overview_of
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Kind, Statement
from airflow_oidc_auth.policy.words import Line, closure, describe_role, describe_statement, is_denials, lines_of


def on_dags(*actions: str, parts: tuple[str, ...] | None = None, **keys: tuple[str, ...]) -> Statement:
    return Statement(actions, "dags", DagSelector(**keys), parts)


def on_names(kind: Kind, **keys: tuple[str, ...]) -> Statement:
    return Statement(("read",), kind, NameSelector(**keys))


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (on_dags("read", "run", ids=("finance_*",)), "read, run on DAGs with id finance_*"),
        (on_dags("read", ids=("a", "b?", "c*")), "read on DAGs with id a, b? or c*"),
        (on_dags("read", ids=("*",)), "read on every DAG"),
        (on_dags("read", ids=("*",), tags=("x",)), "read on DAGs with id * and tag x"),
        (on_dags("read", tags=("x",), owners=("o",)), "read on DAGs with tag x and owner o"),
        (on_dags("read", bundles=("b",), teams=("t", "u")), "read on DAGs from bundle b and team t or u"),
        (on_dags("read", teams=("t",)), "read on DAGs of team t"),
        (on_dags("read", owners=("o",), parts=("all",)), "read on DAGs of owner o, with all parts"),
        (on_dags("read", ids=("a",), parts=("logs", "all")), "read on DAGs with id a, with all parts"),
        (on_dags("read", ids=("a",), parts=("runs", "audit_log")), "read on runs, audit log of DAGs with id a"),
        (
            on_dags("read", ids=("a",), parts=("xcoms", "required_actions", "logs")),
            "read on XComs, required actions, logs of DAGs with id a",
        ),
        (on_dags("read", bundles=("b",), owners=("o", "p", "q")), "read on DAGs of owner o, p or q and bundle b"),
        (on_dags("read"), "read on no DAG"),
        (on_dags("read", ids=("a",), parts=("dag",)), "read on the DAG itself of DAGs with id a"),
        (on_names("connections", names=("fin-*",)), "read on connections fin-*"),
        (on_names("pools", names=("a", "b")), "read on pools a or b"),
        (on_names("variables", teams=("t",)), "read on variables of team t"),
        (on_names("variables", names=("*",), teams=("t",)), "read on variables of team t"),
        (on_names("assets", names=("*",)), "read on all assets"),
        (Statement(("edit",), "resources", ("DAG Runs", "XComs")), "edit on DAG Runs, XComs"),
        (Statement(("read",), "configuration", ("core", "log*")), "read on configuration sections core or log*"),
        (Statement(("read",), "custom_views", ("My plugin",)), "read on plugins' views My plugin"),
        (Statement(("read",), "views", ("Jobs", "Plugins")), "read on pages Jobs or Plugins"),
        (Statement(("menu",), "menu", ("Pools",)), "menu on menu items Pools"),
    ],
)
def test_statements_are_sentences(statement: Statement, words: str) -> None:
    assert describe_statement(statement) == f"allow {words}"


def test_a_denial_of_a_dag_says_that_its_parts_are_meant() -> None:
    assert describe_statement(on_dags("read", ids=("a",)), deny=True) == "deny read on DAGs with id a, with all parts"
    partial = on_dags("read", ids=("a",), parts=("logs",))
    assert describe_statement(partial, deny=True) == "deny read on logs of DAGs with id a"


def test_a_line_says_what_may_be_done_to_what() -> None:
    allowed = Line("allow", on_dags("read", "edit", ids=("a",)), "r", "r")
    assert (allowed.actions, allowed.things) == ("read, edit", "DAGs with id a")
    assert Line("deny", on_dags("read", ids=("a",)), "r", "r").things == "DAGs with id a, with all parts"


FIRST, SECOND, THIRD = (on_dags("read", ids=(name,)) for name in ("first", "second", "third"))
ROLES = {
    "top": RoleSettings("top", allow=(FIRST,), extends=("base", "Viewer")),
    "base": RoleSettings("base", allow=(SECOND,), deny=(THIRD,), extends=("top",)),
}


def test_denials_come_first_and_each_line_knows_the_way_it_came() -> None:
    lines = lines_of(["top"], [("blue", "base")], ROLES)
    assert [(each.effect, each.role, each.through, each.team) for each in lines] == [
        ("deny", "base", "top", None),
        ("deny", "base", "base", "blue"),
        ("allow", "top", "top", None),
        ("allow", "base", "top", None),
        ("allow", "base", "base", "blue"),
        ("allow", "top", "base", "blue"),
    ]


def test_lines_come_by_the_name_of_the_role_then_by_the_name_of_the_team() -> None:
    names = [f"role-{number:02}" for number in range(50)]
    settings = {name: RoleSettings(name, allow=(FIRST,)) for name in names}
    lines = lines_of(reversed(names), [("blue", name) for name in reversed(names)], settings)
    assert [(each.role, each.team) for each in lines] == [(name, team) for team in (None, "blue") for name in names]


@pytest.mark.parametrize("name, denials", [("{r}", True), ("{r", False), ("r}", False), ("r", False), ("a{r}b", False)])
def test_only_what_stands_in_braces_is_told_as_the_denials_of_a_role(name: str, denials: bool) -> None:
    assert is_denials(name) is denials
    assert describe_role(name) == ("denials of r" if denials else name)


def test_roles_that_extend_each_other_end_somewhere() -> None:
    assert closure(["top"], ROLES) == ("top", "base", "Viewer")
    assert closure(["nobody knows"], ROLES) == ("nobody knows",)
    assert closure(["Op", "base", "User"], ROLES) == ("Op", "base", "top", "Viewer", "User")


def test_unknown_roles_allow_nothing() -> None:
    assert overview_of(["nobody knows"], (), ROLES).nothing
    assert not overview_of(["Viewer"], (), ROLES).nothing
    assert not overview_of(["Admin"], (), ROLES).nothing


def test_a_denied_kind_is_not_among_what_may_be_done() -> None:
    deny = Statement(("read",), "resources", ("Pools",))
    found = overview_of(["Op", "careful"], (), {"careful": RoleSettings("careful", deny=(deny,))})
    assert found.resources["Pools"] == ("create", "edit", "delete", "menu")
    assert [each.statement for each in found.denied] == [deny]


def test_within_a_team_nothing_counts_that_no_team_owns() -> None:
    allow = (
        Statement(("read",), "configuration", ("core",)),
        Statement(("read",), "connections", NameSelector(("a*",))),
        Statement(("read", "menu"), "resources", ("Jobs", "Variables")),
    )
    (team,) = overview_of((), [("blue", "r")], {"r": RoleSettings("r", allow=allow)}).teams
    assert (team.team, team.roles) == ("blue", ("r",))
    assert [each.statement.kind for each in team.overview.some] == ["connections"]
    assert team.overview.resources == {"Variables": ("read", "menu")}


def test_what_a_token_was_narrowed_away_from_denies_and_allows_nothing() -> None:
    found = overview_of(["{base}"], [("blue", "{base}")], ROLES)
    assert found.nothing is False, "there is a team"
    assert (found.resources, found.some, [each.statement for each in found.denied]) == ({}, (), [THIRD])
    assert [each.statement for each in found.teams[0].overview.denied] == [THIRD]
    assert (describe_role("{base}"), describe_role("base")) == ("denials of base", "base")
