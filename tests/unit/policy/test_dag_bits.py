from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_bits import NO_BITS, DagBits
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.dag_selection import Snapshot
from airflow_oidc_auth.policy.dag_values import turn_over
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector
from airflow_oidc_auth.policy.statements import Statement

IDS = st.frozensets(st.text("abzé*", min_size=1, max_size=3), max_size=20)
FEW, MOST = DagSelector(ids=("a*",)), DagSelector(ids=("b*", "c*"))
EVERY = frozenset({"a1", "b1", "b2", "c1", "c2"})


@given(IDS, st.data())
def test_bits_hold_the_dags_at_their_places(ids, data):
    bits = DagBits(ids)
    chosen = data.draw(st.lists(st.sampled_from(range(len(ids))))) if ids else []
    expected = {bits.ordered[place] for place in chosen}
    assert bits.ids(bits.at([chosen, chosen[:1]])) == expected
    assert bits.ids(bits.whole & ~bits.at([chosen])) == ids - expected


@given(IDS, IDS)
def test_names_of_nothing_are_no_dags(ids, asked):
    bits = DagBits(ids)
    assert bits.ids(bits.named(asked)) == ids & asked


@given(IDS, st.integers(0, 20), st.integers(0, 20))
def test_a_run_of_places_is_what_lies_between(ids, one, other):
    bits = DagBits(ids)
    first, last = sorted((min(one, len(ids)), min(other, len(ids))))
    assert bits.ids(bits.between(first, last)) == set(bits.ordered[first:last])


def test_no_dag_has_no_bits():
    bits = DagBits(())
    assert bits.whole == NO_BITS == bits.at([])
    assert bits.ids(NO_BITS) == frozenset()


@pytest.mark.parametrize("count", [1, 40, 100])
def test_what_few_and_what_many_dags_have_is_found_alike(count):
    facts = {
        f"d{number}": DagFacts(f"d{number}", frozenset({"all", f"own-{number}"}), bundle="b" if number % 2 else None)
        for number in range(count)
    }
    bits = DagBits(facts)
    values = turn_over(bits, facts)
    assert bits.ids(values.tags.of(["all"])) == facts.keys()
    assert bits.ids(values.tags.of(["own-0", "none"])) == {"d0"}
    assert bits.ids(values.tags.matching(("own-*",))) == facts.keys()
    assert bits.ids(values.bundles.matching(("*",))) == {each for each in facts if int(each[1:]) % 2}
    assert values.teams.matching(("*",)) == NO_BITS


def permissions(selector: DagSelector):
    roles = {"r": RoleSettings("r", (Statement(("read",), "dags", selector),))}
    return Policy(roles, FixedIndex({dag_id: DagFacts(dag_id) for dag_id in EVERY})).permissions(["r"])


@pytest.mark.parametrize("asked", [set(EVERY), EVERY, dict.fromkeys(EVERY).keys(), {*EVERY, "bnew"}, {"a1", "b1"}])
@pytest.mark.parametrize("selector", [FEW, MOST])
def test_whoever_changes_an_answer_changes_nobody_elses(asked, selector):
    found = permissions(selector)
    expected = {dag_id for dag_id in asked if found.allows_dag("GET", None, dag_id)}
    for _ in range(3):
        answer = found.filter_dag_ids("GET", asked)
        assert type(answer) is set
        assert answer == expected
        answer.clear()
        answer |= {"x"}
    assert found.dag_ids("GET") == {dag_id for dag_id in EVERY if found.allows_dag("GET", None, dag_id)}


def test_as_many_other_dags_are_not_every_dag():
    found = permissions(MOST)
    for others in ({"a1", "b1", "b2", "c1", "a9"}, frozenset({"a1", "b1", "b2", "c1", "a9"})):
        assert found.filter_dag_ids("GET", others) == {"b1", "b2", "c1"}
        assert found.filter_dag_ids("GET", EVERY) == EVERY - {"a1"}


def test_only_what_cannot_change_is_known_to_be_every_dag():
    snapshot = Snapshot(1, {dag_id: DagFacts(dag_id) for dag_id in EVERY})
    asked = set(EVERY)
    assert snapshot.is_every(asked)
    asked.remove("a1")
    asked.add("a9")
    assert not snapshot.is_every(asked)
    assert snapshot.is_every(frozenset(sorted(EVERY)))
    assert not snapshot.is_every(EVERY - {"a1"})
    assert snapshot.is_every(EVERY)
