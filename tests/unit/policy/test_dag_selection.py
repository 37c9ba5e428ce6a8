from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.policy import dag_rules, dag_selection
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.dag_rules import Tables
from airflow_oidc_auth.policy.dag_selection import Snapshot
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector
from airflow_oidc_auth.policy.statements import Statement
from tests.unit.policy import reference
from tests.unit.policy.documents import FACTS


class Changing:
    """An index whose DAGs change."""

    def __init__(self, *dag_ids: str) -> None:
        self.generation = 0
        self.asked = 0
        self.show(*dag_ids)

    def show(self, *dag_ids: str, **facts: DagFacts) -> None:
        self._facts = {dag_id: DagFacts(dag_id) for dag_id in dag_ids} | facts
        self.generation += 1

    def facts(self, dag_id: str) -> DagFacts | None:
        return self._facts.get(dag_id)

    def all(self) -> dict[str, DagFacts]:
        self.asked += 1
        return self._facts


def reader(**selector: tuple[str, ...]) -> dict[str, RoleSettings]:
    return {"r": RoleSettings("r", (Statement(("read",), "dags", DagSelector(**selector), ("all",)),))}


GLOBS = st.lists(
    st.sampled_from(("a*", "*b", "b_?", "ab", "*", "?", "*b*c", "*?", "a*?", "a*b", "ab*b")), max_size=2
).map(tuple)
VALUES = st.lists(st.sampled_from(("red", "r*", "ann", "?nn", "git", "fin", "*")), max_size=2).map(tuple)


@given(
    facts=FACTS,
    selector=st.builds(DagSelector, GLOBS, VALUES, VALUES, VALUES, VALUES),
)
def test_sets_hold_what_the_selector_selects_one_by_one(facts, selector):
    snapshot = Snapshot(0, facts)
    found = snapshot.bits.ids(snapshot.select(selector))
    dags = [reference.Dag(dag_id, known, known.team) for dag_id, known in facts.items()]
    assert found == {dag.id for dag in dags if reference.selects(selector, dag, unknown=False)}


@pytest.mark.parametrize(
    "glob, expected",
    [
        ("ab*b", {"abb", "abxb"}),
        ("a*?", {"ab", "abb", "abxb", "a?"}),
        ("*?", {"a", "b", "ab", "abb", "abxb", "a?"}),
        ("*b", {"b", "ab", "abb", "abxb"}),
        ("a?b", {"abb"}),
        ("**b", {"b", "ab", "abb", "abxb"}),
    ],
)
def test_the_end_of_a_pattern_is_not_its_beginning_and_no_wildcard(glob, expected):
    facts = {dag_id: DagFacts(dag_id) for dag_id in ("a", "b", "ab", "abb", "abxb", "a?")}
    snapshot = Snapshot(0, facts)
    assert snapshot.bits.ids(snapshot.select(DagSelector(ids=(glob,)))) == expected


def test_another_generation_is_another_answer():
    index = Changing("a1", "b1")
    found = Policy(reader(ids=("a*",), tags=("red", "blue")), index).permissions(["r"])
    assert found.dag_ids("GET") == frozenset()
    assert not found.allows_dag("GET", None, "a1")
    index.show("b1", a1=DagFacts("a1", tags=frozenset({"red"})))
    assert found.dag_ids("GET") == {"a1"}
    assert found.allows_dag("GET", None, "a1")
    index.show("a1", "b1")
    assert not found.allows_dag("GET", None, "a1")


def test_the_same_generation_is_worked_out_once():
    index = Changing("a1", "b1")
    found = Policy(reader(ids=("a*",)), index).permissions(["r"])
    for _ in range(5):
        assert found.allows_dag("GET", None, "a1")
        assert found.filter_dag_ids("GET", {"a1", "b1"}) == {"a1"}
    assert index.asked == 1


def test_what_is_prepared_is_not_read_again():
    index = Changing("a1")
    policy = Policy(reader(ids=("a*",)), index)
    policy.prepare()
    assert policy.permissions(["r"]).allows_dag("GET", None, "a1")
    assert index.asked == 1


def test_nothing_is_prepared_where_dags_do_not_matter():
    index = Changing("a1")
    Policy({}, index).prepare()
    assert index.asked == 0


@pytest.mark.parametrize(
    "roles, access_control, needed",
    [
        ({}, False, False),
        ({}, True, True),
        (reader(ids=("a*",)), False, True),
        ({"r": RoleSettings("r", (Statement(("read",), "dags", DagSelector(ids=("a",))),))}, False, False),
        ({"r": RoleSettings("r", deny=(Statement(("read",), "dags", DagSelector(ids=("a",))),))}, False, True),
        ({"r": RoleSettings("r", (Statement(("read",), "assets", ("a",)),))}, False, False),
    ],
)
def test_the_index_is_needed_where_more_than_exact_ids_count(roles, access_control, needed):
    policy = Policy(roles, access_control=access_control)
    assert policy.needs_index is needed
    assert policy.asset_names_matter is (
        bool(roles) and roles["r"].allow[:1] != () and roles["r"].allow[0].kind == "assets"
    )


def test_answers_are_remembered_in_bounded_memory():
    chance = Random(7)
    index = Changing(*(f"{chance.choice('abcdefgh')}{number}" for number in range(2000)))
    memory = Tables(limit=1 << 17)
    policy = Policy(reader(ids=("a*", "c*", "e*")), index)
    policy._tables = memory
    found = policy.permissions(["r"])
    expected = {dag_id for dag_id in index.all() if dag_id[0] in "ace"}
    for _ in range(2):
        for entity in (None, "RUN", "TASK", "CODE", "XCOM", "TASK_LOGS", "VERSION", "WARNING"):
            assert found.dag_ids("GET", entity) == expected
    kept = found.dags.tables
    assert 0 < len(kept) < 8
    assert sum(memory._sizes.values()) == memory._total <= 1 << 17


def test_a_table_that_is_too_large_alone_is_kept_all_the_same():
    index = Changing(*(f"d{number}" for number in range(100)))
    policy = Policy(reader(ids=("d1*",)), index)
    policy._tables = Tables(limit=1)
    found = policy.permissions(["r"])
    assert found.allows_dag("GET", None, "d1")
    assert found.allows_dag("GET", "RUN", "d10")
    assert list(found.dags.tables) == [("GET", "RUN")]


def test_most_of_all_dags_take_no_more_memory_than_the_rest():
    index = Changing(*(f"{letter}{number}" for letter in "ab" for number in range(500)))
    viewer = {"r": RoleSettings("r", deny=(Statement(("read",), "dags", DagSelector(ids=("a1",))),))}
    found = Policy(viewer, index).permissions(["r", "Viewer"])
    assert found.allows_dag("GET", None, "a2")
    assert not found.allows_dag("GET", None, "a1")
    assert found.dags.tables["GET", None].ids == {"a1"}
    assert found.dag_ids("GET") == index.all().keys() - {"a1"}
    assert found.filter_dag_ids("GET", {"a1", "a2", "new"}) == {"a2", "new"}


def test_selections_are_remembered_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(dag_selection, "MAX_REMEMBERED", 2000)
    snapshot = Snapshot(0, {f"d{number}": DagFacts(f"d{number}") for number in range(50)})
    for number in range(200):
        found = snapshot.select(DagSelector(ids=(f"d{number % 50}", f"x{number}")))
        assert snapshot.bits.ids(found) == {f"d{number % 50}"}
        assert snapshot._remembered <= 2000
    assert len(snapshot._selected) < 100


def test_a_forged_method_or_part_is_never_remembered():
    index = Changing("a1", "b1")
    roles = {"r": RoleSettings("r", deny=(Statement(("read",), "dags", DagSelector(ids=("a*",))),))}
    found = Policy(roles, index).permissions(["r", "Admin"])
    for number in range(10):
        assert found.allows_dag(f"LOOK{number}", f"PART{number}", "a1")
        assert found.dag_ids(f"LOOK{number}", "RUN") == {"a1", "b1"}
    assert not found.allows_dag("GET", "PART", "a1")
    assert found.dags.tables == {}


def test_the_limits_leave_room_for_the_whole_policy():
    assert dag_rules.MAX_REMEMBERED + dag_selection.MAX_REMEMBERED <= 15 << 20


def test_an_index_without_dags_leaves_patterns_of_ids():
    found = Policy(reader(ids=("a*",)), FixedIndex({})).permissions(["r"])
    assert found.allows_dag("GET", None, "a1")
    assert found.filter_dag_ids("GET", {"a1", "b1"}) == {"a1"}
    assert found.allows_dag("GET", "RUN", None)
