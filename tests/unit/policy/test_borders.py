"""Where one way to say a right ends and another begins: pairs, patterns, names, teams, DAG files."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.dag_rules import Tables
from airflow_oidc_auth.policy.fab import compile_fab_pairs
from airflow_oidc_auth.policy.permissions import NOTHING, Permissions
from airflow_oidc_auth.policy.roles import RESOURCES, RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement
from airflow_oidc_auth.policy.vocabulary import MENU_RESOURCES, VIEW_RESOURCES
from tests.unit.policy.test_dag_selection import Changing

DAGS = {
    name: DagFacts(name, tags=frozenset({"red"} if name in ("a1", "b1") else ()))
    for name in ("a1", "a2", "b1", "b2", "c")
}
NAMES = Statement(("read",), "connections", NameSelector(("a*",)))


def given(*allow: Statement, deny: tuple[Statement, ...] = (), roles: tuple[str, ...] = ()) -> Permissions:
    return Policy({"r": RoleSettings("r", allow, deny)}, FixedIndex(DAGS)).permissions(("r", *roles))


def on(action: str, **selector: tuple[str, ...]) -> Statement:
    return Statement((action,), "dags", DagSelector(**selector))


def things(action: str, *resources: str) -> Statement:
    return Statement((action,), "resources", resources)


@pytest.mark.parametrize(
    "found, every, ids",
    [
        (compile_fab_pairs([("can_read", "DAG:a1")]), False, {"a1"}),
        (compile_fab_pairs([("can_read", "DAGs")]), True, {"a1", "b1"}),
        (compile_fab_pairs([("can_edit", "DAG:a1")]), False, set()),
        (Policy().permissions(["Admin"]), True, {"a1", "b1"}),
        (NOTHING, False, set()),
        (given(on("read", ids=("a*",))), False, {"a1"}),
        (given(on("read", ids=("a*",)), on("read", ids=("*",))), True, {"a1", "b1"}),
        (given(on("read", ids=("*",), tags=("red",))), False, {"a1", "b1"}),
        (given(on("read", ids=("*",), tags=("red",)), on("read", ids=("x*",))), False, {"a1", "b1"}),
        (given(deny=(on("read", ids=("a*",)),), roles=("Admin",)), False, {"b1"}),
        (given(deny=(on("edit", ids=("a*",)),), roles=("Admin",)), True, {"a1", "b1"}),
    ],
)
def test_a_list_of_dags_holds_those_that_may_be_read_and_no_more(found, every, ids):
    assert found.allows_every_dag("GET") is every
    assert found.filter_dag_ids("GET", {"a1", "b1"}) == ids
    assert every or found.dag_ids("GET") & {"a1", "b1"} == ids


def test_a_filter_gives_only_what_it_was_given():
    found = given(on("read", ids=("a*",)))
    assert found.filter_dag_ids("GET", {"a1"}) == {"a1"}
    assert found.filter_dag_ids("LOOK", {"a1"}) == found.dag_ids("LOOK") == set()
    assert set(found.dags.tables) == {("GET", None)}, "a forged method is not remembered"
    mine = compile_fab_pairs([("can_read", "DAG:a1"), ("can_read", "DAG:a2")])
    assert mine.filter_dag_ids("GET", {"a1"}) == {"a1"}


def test_one_tag_on_every_dag_does_not_open_the_dags_without_it():
    found = given(on("read", ids=("*",), tags=("red",)))
    assert [name for name in DAGS if found.allows_dag("GET", None, name)] == ["a1", "b1"]
    closed = given(deny=(on("read", ids=("*",), tags=("red",)),), roles=("Viewer",))
    assert [name for name in DAGS if not closed.allows_dag("GET", None, name)] == ["a1", "b1"]
    assert closed.allows_dag("GET", None, None)


def test_exact_ids_open_no_action_on_many_also_beside_patterns():
    found = given(on("edit", ids=("a1",)), on("run", ids=("b*",)))
    assert found.allows_dag("PUT", None, "a1")
    assert not found.allows_dag("PUT", None, None)


def test_what_is_denied_as_a_whole_is_not_opened_by_name():
    found = given(NAMES, deny=(things("read", "Connections"),))
    assert not found.allows_named("GET", "Connections", "a1")
    assert not found.allows("GET", "Connections")
    assert not found.allows_some("GET", "Connections")


def test_pages_and_menu_items_that_are_denied_are_closed_to_any_role():
    found = given(deny=(things("read", "Jobs"), things("menu", "DAGs")), roles=("Viewer",))
    assert not found.allows_view("JOBS")
    assert not found.allows("GET", "Jobs")
    assert not found.allows_custom_view("GET", "Jobs")
    assert not found.allows_menu_item("DAGS")
    assert found.allows_menu_item("JOBS")
    assert found.allows_dag("GET", None, None)


def test_admin_belongs_to_each_team_and_somebody_else_to_theirs():
    assert Policy().permissions(["Admin"]).in_team("fin")
    assert not Policy().permissions(["Op"]).in_team("fin")


def test_there_may_be_something_wherever_a_built_in_role_opens_all_things():
    assert Policy().permissions(["Viewer"]).allows_some("GET", "Pools")
    assert not Policy().permissions(["Viewer"]).allows_some("PUT", "Pools")


def test_a_role_in_a_team_opens_no_page_that_it_does_not_open_anywhere():
    policy = Policy({"r": RoleSettings("r", (things("read", "Pools"),))})
    found = policy.permissions([], [("fin", "r")])
    assert found.allows("GET", "Pools")
    assert not found.allows("GET", "Variables")
    assert not found.allows_view("WEBSITE")
    assert not found.allows_menu_item("DAGS")


def test_a_role_that_nobody_knows_is_nothing_in_a_team_too():
    assert Policy().permissions([], [("fin", "nobody")]) is NOTHING


def test_a_file_opens_the_list_to_a_role_that_is_held_in_a_team():
    facts = {"mine": DagFacts("mine", team="fin", roles={"author": frozenset({"GET"})})}
    policy = Policy({"author": RoleSettings("author")}, FixedIndex(facts), access_control=True)
    for team_roles in ([("fin", "author")], [("fin", "author"), ("ops", "Public")]):
        found = policy.permissions([], team_roles)
        assert found.allows_dag("GET", None, None)
        assert found.allows_dag("GET", None, "mine")
    assert not policy.permissions([], [("ops", "author")]).allows_dag("GET", None, "mine")


def test_admin_may_ask_for_lists_of_a_later_airflow_though_some_dags_are_denied():
    found = given(deny=(on("read", ids=("a*",)),), roles=("Admin",))
    assert found.allows_dag("LOOK", "SHADOW", None)
    assert found.allows_dag("GET", "SHADOW", None)
    assert not given(on("read", ids=("a*",))).allows_dag("LOOK", None, None)


@pytest.mark.parametrize("line", [NAMES, Statement(("read",), "assets", NameSelector(("a*",)))])
def test_the_index_is_not_kept_for_things_that_are_no_dags(line):
    for role in (RoleSettings("r", (line,)), RoleSettings("r", deny=(line,))):
        policy = Policy({"r": role})
        assert not policy.needs_index
        assert policy.asset_names_matter is (line.kind == "assets")


def test_who_prepares_waits_so_that_nobody_else_does():
    index = Changing("a1")
    Policy({"r": RoleSettings("r", (on("read", ids=("a*",)),))}, index).prepare()
    assert index.asked == 1


def test_an_answer_is_worked_out_once_for_each_generation_and_counted_once():
    index, memory = Changing("a1", "b1"), Tables()
    policy = Policy({"r": RoleSettings("r", (on("read", ids=("a*",)),))}, index)
    policy._tables = memory
    found = policy.permissions(["r"])
    assert found.allows_dag("GET", None, "a1")
    table = found.dags.tables["GET", None]
    assert not found.allows_dag("GET", None, "b1")
    assert found.dags.tables["GET", None] is table
    assert found.allows_dag("GET", "RUN", "a1") is False
    assert set(found.dags.tables) == {("GET", None), ("GET", "RUN")}, "both have room"
    index.show("a1", "b1", "c1")
    assert found.dag_ids("GET") == {"a1"}
    assert found.dags.tables["GET", None] is not table
    assert memory._total == sum(memory._sizes.values())


def test_a_powerful_role_in_a_team_opens_these_pages_and_lists_and_no_other():
    found = Policy().permissions([], [("fin", "Op")])
    assert {view for view in VIEW_RESOURCES if found.allows_view(view)} == {"DOCS", "WEBSITE"}
    menu = {"CONNECTIONS", "DAGS", "DEADLINES", "DOCS", "POOLS", "REQUIRED_ACTIONS", "VARIABLES", "XCOMS"}
    assert {item for item in MENU_RESOURCES if found.allows_menu_item(item)} == menu
    assert {name for name in RESOURCES if found.allows("GET", name)} == {"Connections", "Pools", "Variables"}
