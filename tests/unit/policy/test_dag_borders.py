"""Where rights on DAGs end: lists, teams, DAG files, questions of a later Airflow, and what is looked up instead."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_bits import NO_BITS, DagBits
from airflow_oidc_auth.policy.dag_cells import KNOWN_CELLS
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.dag_selection import Snapshot
from airflow_oidc_auth.policy.dag_values import turn_over
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement

FACTS = {
    "a1": DagFacts("a1", tags=frozenset({"red"})),
    "a2": DagFacts("a2", roles={"r": frozenset({"GET"}), "author": frozenset({"PUT"})}),
    "b1": DagFacts("b1", team="fin"),
    "c1": DagFacts("c1", team="ops"),
}
INDEX = FixedIndex(FACTS)


def on(*actions: str, parts: tuple[str, ...] | None = None, **selector: tuple[str, ...]) -> Statement:
    return Statement(actions, "dags", DagSelector(**selector), parts)


def things(action: str, *resources: str) -> Statement:
    return Statement((action,), "resources", resources)


def policy(*allow: Statement, deny: Iterable[Statement] = (), access_control: bool = False) -> Policy:
    roles = {"r": RoleSettings("r", allow, tuple(deny)), "author": RoleSettings("author")}
    return Policy(roles, INDEX, access_control=access_control)


def given(*allow: Statement, deny: Iterable[Statement] = (), roles: tuple[str, ...] = ()) -> Permissions:
    return policy(*allow, deny=deny).permissions(("r", *roles))


READ_A, EDIT_A = on("read", ids=("a*",)), on("edit", ids=("a*",))
LISTS = [
    # What somebody has, and lists or actions on many that are open to them, and that are not.
    ((READ_A,), (), (), {("GET", None)}),
    ((EDIT_A,), (), (), {("PUT", None), ("PATCH", None)}),
    ((EDIT_A, READ_A), (), (), {("GET", None), ("PUT", None), ("PATCH", None)}),
    ((EDIT_A, things("create", "DAG Runs")), (), (), {("PUT", None), ("PATCH", None), ("POST", "RUN")}),
    ((READ_A, things("read", "XComs")), (), (), {("GET", None), ("GET", "XCOM")}),
    ((on("read", ids=("a*",), parts=("audit_log", "runs")),), (), (), {("GET", "RUN")}),
    ((on("read"),), (), (), set()),
    ((on("read"), on("edit", parts=("runs",)), EDIT_A), (), (), {("PUT", None), ("PATCH", None)}),
    ((READ_A,), (on("read", ids=("*",)),), (), set()),
    ((READ_A,), (on("read", ids=("*",)),), ("Admin",), {("PUT", None), ("PATCH", None), ("POST", "RUN")}),
    ((READ_A,), (on("read", tags=("*",)),), (), {("GET", None)}),
    ((READ_A,), (things("read", "DAGs"),), ("Viewer",), set()),
    ((), (on("read", ids=("*",), parts=("xcoms",)),), ("Viewer",), {("GET", None), ("GET", "RUN")}),
    ((), (on("read", ids=("*",), parts=("all",)),), ("Viewer",), set()),
    ((), (things("read", "XComs"),), ("Viewer",), {("GET", None), ("GET", "RUN")}),
]
ASKED = (("GET", None), ("GET", "RUN"), ("GET", "XCOM"), ("GET", "AUDIT_LOG"), ("PUT", None), ("PATCH", None))


@pytest.mark.parametrize("allow, deny, roles, expected", LISTS)
def test_a_list_is_open_where_something_could_stand_in_it(allow, deny, roles, expected):
    asked = (*ASKED, ("POST", "RUN")) if "Admin" not in roles else [each for each in ASKED if each[1] is None]
    found = given(*allow, deny=deny, roles=roles)
    assert {cell for cell in asked if found.allows_dag(*cell, None)} == expected.intersection(asked)


def test_a_part_is_open_only_with_the_right_on_the_part_and_the_right_on_the_dag():
    tagged = on("read", tags=("blue",))
    for allow in ((things("read", "DAGs"), tagged), (things("read", "XComs"), tagged)):
        found = given(*allow)
        assert not found.allows_dag("GET", "XCOM", "a1")
        assert not found.allows_dag("GET", "XCOM", "new")
    assert given(things("read", "DAGs", "XComs"), tagged).allows_dag("GET", "XCOM", "new")


@pytest.mark.parametrize("line", [READ_A, on("read", tags=("red",)), on("read", ids=("*",), parts=("all",))])
def test_what_a_later_airflow_asks_is_for_admin_alone_also_beside_patterns(line):
    found = given(line, roles=("Op",))
    for cell in (("GET", "SHADOW"), ("LOOK", None), ("LOOK", "RUN")):
        assert not found.allows_dag(*cell, "a1")
        assert not found.allows_dag(*cell, None)
        assert found.dag_ids(*cell) == found.filter_dag_ids(cell[0], {"a1"}, None, cell[1]) == set()


def test_every_run_may_be_read_by_who_may_read_the_runs_of_all_dags():
    found = given(*(on("read", ids=(glob,), parts=("runs",)) for glob in ("a*", "*", "b*")), READ_A)
    assert found.allows_every_dag("GET", "RUN")
    assert not found.allows_every_dag("GET")
    assert not found.allows_every_dag("GET", "XCOM")


def test_a_denial_of_all_dags_or_of_their_runs_leaves_no_list_and_no_dag():
    for line in (on("read", ids=("*",), parts=("runs",)), on("read", ids=("*",))):
        found = given(READ_A, deny=(line,), roles=("Viewer",))
        assert not found.allows_dag("GET", "RUN", None)
        assert found.dag_ids("GET", "RUN") == set()


# Teams


def test_admin_in_a_team_does_everything_there_also_what_a_later_airflow_asks():
    found = policy().permissions([], [("fin", "Admin")])
    for cell in (("GET", None), ("LOOK", None), ("GET", "SHADOW")):
        assert [name for name in FACTS if found.allows_dag(*cell, name)] == ["b1"]
        assert found.dag_ids(*cell) == {"b1"}


def test_the_audit_log_without_a_dag_is_for_roles_that_hold_everywhere():
    assert not policy().permissions([], [("fin", "Admin")]).allows_dag("GET", "AUDIT_LOG", None)
    assert policy().permissions(["Admin"], [("fin", "r")]).allows_dag("GET", "AUDIT_LOG", None)


def test_a_denial_within_a_team_counts_for_its_dags_and_for_those_that_may_be_its():
    closed = policy(deny=(on("read", ids=("*",)),))
    found = closed.permissions(["Admin"], [("fin", "r"), ("ops", "Public")])
    for entity in (None, "SHADOW"):
        assert [name for name in FACTS if found.allows_dag("GET", entity, name)] == ["a1", "a2", "c1"]
        assert [team for team in ("fin", "ops", None) if found.allows_dag("GET", entity, "new", team)] == ["ops"]
    assert not found.allows_every_dag("GET")


def test_what_airflow_says_of_the_team_counts_and_not_what_the_index_says():
    found = policy().permissions([], [("fin", "Viewer")])
    assert [team for team in (None, "fin", "ops") if found.allows_dag("GET", None, "b1", team)] == [None, "fin"]
    assert [team for team in (None, "fin", "ops") if found.allows_dag("GET", None, "c1", team)] == ["fin"]


def test_a_role_that_holds_everywhere_makes_a_member_of_the_team_that_it_is_given_in_and_costs_nothing():
    found = policy().permissions(["Viewer"], [("fin", "Viewer")])
    assert [team for team in ("fin", "ops") if found.in_team(team)] == ["fin"]
    assert found.dags is None


@pytest.mark.parametrize("name", ["nobody", "{r}", "{nobody}"])
def test_a_role_that_gives_nothing_in_a_team_makes_no_member(name):
    for deny in ((), (READ_A,)):
        for everywhere in ((), ("Viewer",), (name,)):
            assert not policy(deny=deny).permissions(everywhere, [("fin", name)]).in_team("fin")


@pytest.mark.parametrize(
    "roles, expected",
    [
        ((), False),
        ((RoleSettings("a", deny=(Statement(("read",), "connections", NameSelector(teams=("fin",))),)),), True),
        ((RoleSettings("a", (Statement(("read",), "connections", NameSelector(teams=("fin",))),)),), False),
        ((RoleSettings("a", deny=(Statement(("read",), "connections", NameSelector(("a",))),)),), False),
        ((RoleSettings("a", deny=(on("read", teams=("fin",)), things("read", "Pools"))),), False),
        (
            (
                RoleSettings("a", deny=(things("read", "Pools"),)),
                RoleSettings("b", deny=(Statement(("read",), "pools", NameSelector(("x",), ("fin",))),)),
            ),
            True,
        ),
    ],
)
def test_it_is_known_whether_connections_of_some_team_are_denied(roles, expected):
    assert Policy({role.name: role for role in roles}).denies_by_team is expected


# DAG files


@pytest.mark.parametrize(
    "held, cell, open_",
    [
        ("r", ("GET", None), True),
        ("r", ("PUT", None), False),
        ("r", ("GET", "XCOM"), False),
        ("author", ("PUT", None), True),
        ("author", ("PATCH", None), True),
        ("author", ("GET", None), False),
        ("author", ("PUT", "RUN"), False),
        ("Public", ("GET", None), False),
    ],
)
def test_a_file_opens_its_dag_and_the_list_as_far_as_it_says(held, cell, open_):
    found = policy(access_control=True).permissions([held])
    for dag_id in ("a2", None):
        assert found.allows_dag(*cell, dag_id) is open_
    assert not found.allows_dag(*cell, "a1")
    assert found.dag_ids(*cell) == ({"a2"} if open_ else set())
    assert not policy().permissions([held]).allows_dag(*cell, "a2")


def test_whoever_may_change_a_dag_by_its_file_may_change_a_part_of_it():
    """PATCH is a partial PUT, for the DAG and for what a right on the parts is held for."""
    found = policy(things("edit", "DAG Runs"), access_control=True).permissions(["r", "author"])
    assert found.filter_dag_ids("PATCH", set(FACTS), None, "RUN") == {"a2"}


# What is looked up


def test_each_answer_is_looked_up_whether_or_not_airflow_says_the_team():
    found = given(on("read", ids=("a*", "b*")))
    for entity, team in ((None, None), ("RUN", "fin")):
        found.allows_dag("GET", entity, "b1", team)
        table = found.dags.tables["GET", entity]
        found.allows_dag("GET", entity, "b1", team)
        found.dag_ids("GET", entity)
        found.filter_dag_ids("GET", {"a1", "new"}, None, entity)
        assert found.dags.tables["GET", entity] is table


def test_forged_questions_are_not_remembered_anywhere():
    """The method and the part stand in the request: whoever asks could fill the memory with them."""
    found = given(READ_A, deny=(on("edit", ids=("*",)),), roles=("Admin",))
    view = found.dags._home
    for number in range(5):
        found.allows_dag(f"LOOK{number}", None, "a1")
        found.allows_dag("GET", f"PART{number}", None)
        found.dag_ids("GET", f"PART{number}")
    assert not view._cells.keys() - KNOWN_CELLS
    assert not found.dags.tables.keys() - KNOWN_CELLS


@pytest.mark.parametrize("count", [0, 10, 34, 49, 50, 51, 67, 99, 100])
def test_a_table_never_holds_more_than_half_of_the_dags(count):
    every = [f"d{number:02}" for number in range(100)]
    facts = {name: DagFacts(name, tags=frozenset({"red"} if place < count else ())) for place, name in enumerate(every)}
    roles = {"r": RoleSettings("r", (on("read", tags=("red",)),))}
    found = Policy(roles, FixedIndex(facts)).permissions(["r"])
    assert found.dag_ids("GET") == set(every[:count])
    assert len(found.dags.tables["GET", None].ids) == min(count, 100 - count)


def test_a_filter_of_few_dags_that_cannot_change_is_a_set_of_the_callers_own():
    for line in (READ_A, on("read", ids=("a*", "b*", "c*"))):
        answer = given(line).filter_dag_ids("GET", frozenset({"a1", "b1"}))
        assert type(answer) is set


@pytest.mark.parametrize(
    "glob, expected",
    [
        ("a*", {"a", "ab", "abxxb", "a*"}),
        ("ab*", {"ab", "abxxb"}),
        ("a*x*b", {"abxxb"}),
        ("a*b*b", {"abxxb"}),
        ("a*b", {"ab", "abxxb"}),
        ("?", {"a", "b"}),
        ("a*?", {"ab", "abxxb", "a*"}),
        ("**", {"a", "ab", "abxxb", "b", "a*"}),
        ("ab", {"ab"}),
        ("new", set()),
    ],
)
def test_a_pattern_finds_ids_wherever_they_stand_in_their_order(glob, expected):
    snapshot = Snapshot(0, {name: DagFacts(name) for name in ("a", "ab", "abxxb", "b", "a*")})
    assert snapshot.bits.ids(snapshot.select(DagSelector(ids=(glob,)))) == expected
    assert snapshot.bits.ids(snapshot.select(DagSelector(ids=("none", glob)))) == expected


def test_nothing_that_is_asked_for_selects_nothing():
    snapshot = Snapshot(0, FACTS)
    assert snapshot.select(DagSelector()) == NO_BITS
    assert snapshot.select(DagSelector(ids=("a*",), tags=("none",))) == NO_BITS


def test_what_was_selected_is_remembered_for_whoever_asks_next():
    snapshot = Snapshot(0, FACTS)
    for _ in range(2):
        for selector in (DagSelector(ids=("a*",)), DagSelector(tags=("red",)), DagSelector(ids=("a*",), teams=("f*",))):
            snapshot.select(selector)
    assert len(snapshot._selected) == 3


@pytest.mark.parametrize("place", [0, 1, 63, 64, 98, 99])
def test_one_dag_of_many_is_found_by_its_bit(place):
    bits = DagBits(f"d{number:02}" for number in range(100))
    assert bits.ids(bits.at([[place]])) == {f"d{place:02}"}
    assert bits.ids(bits.whole ^ bits.at([[place]])) == set(bits.ordered) - {f"d{place:02}"}
    assert bits.ids(bits.named([f"d{place:02}", "d", "z"])) == {f"d{place:02}"}
    neighbours = [place, (place + 1) % 100]
    assert bits.ids(bits.at([neighbours])) == {f"d{each:02}" for each in neighbours}


@pytest.mark.parametrize("having, as_bits", [(3, False), (4, True), (100, True)])
def test_what_many_dags_have_is_kept_as_bits_and_what_few_have_as_places(having, as_bits):
    """With fifty thousand DAGs, places of a tag that most have take thirty-two times as much memory."""
    facts = {
        name: DagFacts(name, tags=frozenset({"red"} if place < having else ()))
        for place, name in enumerate(f"d{number:02}" for number in range(100))
    }
    values = turn_over(DagBits(facts), facts)
    assert (set(values.tags._many) == {"red"}) is as_bits
    assert not values.teams._many


def test_what_many_and_what_few_dags_have_is_found_together():
    facts = {f"d{number:02}": DagFacts(f"d{number:02}", bundle="big" if number else "small") for number in range(100)}
    bits = DagBits(facts)
    bundles = turn_over(bits, facts).bundles
    assert bits.ids(bundles.of(["small", "big", "none"])) == bits.ids(bundles.matching(("?mall", "b*"))) == facts.keys()
    assert bits.ids(bundles.matching(("small",))) == {"d00"}
