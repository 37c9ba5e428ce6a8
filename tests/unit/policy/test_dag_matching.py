from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.dag_matching import NO_ID, compile_matcher
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import EVERY_DAG, DagFacts, DagSelector
from airflow_oidc_auth.policy.statements import Statement
from tests.unit.policy import reference

ANY_OF = st.sets(st.sampled_from(("a", "b*", "*")), max_size=2).map(lambda globs: tuple(sorted(globs)))
SELECTORS = st.builds(DagSelector, ANY_OF, ANY_OF, ANY_OF, ANY_OF, ANY_OF)
VALUES = st.frozensets(st.sampled_from(("a", "bb", "c")), max_size=2)
ONE = st.sampled_from((None, "a", "bb", "c"))
FACTS = st.one_of(st.none(), st.builds(DagFacts, st.just("a"), VALUES, VALUES, ONE, ONE))


@given(selectors=st.lists(SELECTORS, max_size=2).map(tuple), facts=FACTS, dag_id=st.sampled_from(("a", "c")), team=ONE)
def test_one_dag_is_matched_as_it_is_read(selectors, facts, dag_id, team):
    matcher, dag = compile_matcher(selectors), reference.Dag(dag_id, facts, team)
    for matches, unknown in ((matcher.matches, False), (matcher.could_match, True)):
        expected = any(reference.selects(selector, dag, unknown=unknown) for selector in selectors)
        assert matches(dag_id, facts, team) == expected


KNOWN = DagFacts("a1", tags=frozenset({"red"}), owners=frozenset({"ann"}), bundle="git")


@pytest.mark.parametrize(
    "selector, facts, team, certain, possible",
    [
        (DagSelector(), KNOWN, None, False, False),
        (DagSelector(), None, None, False, False),
        (EVERY_DAG, KNOWN, "fin", True, True),
        (EVERY_DAG, None, None, True, True),
        (DagSelector(ids=("a*",)), None, None, True, True),
        (DagSelector(ids=("b*",)), KNOWN, None, False, False),
        (DagSelector(ids=("b*",), tags=("red",)), KNOWN, None, False, False),
        (DagSelector(teams=("fin",)), None, None, False, True),
        (DagSelector(teams=("fin",)), None, "fin", True, True),
        (DagSelector(teams=("fin",)), None, "ops", False, False),
        (DagSelector(teams=("fin",)), KNOWN, None, False, False),
        (DagSelector(teams=("*",)), KNOWN, None, False, False),
        (DagSelector(teams=("*",)), KNOWN, "ops", True, True),
        (DagSelector(ids=("a*",), teams=("fin",)), None, "fin", True, True),
        (DagSelector(ids=("a*",), tags=("red",)), None, "fin", False, True),
        (DagSelector(tags=("r*",), owners=("ann",), bundles=("git",)), KNOWN, None, True, True),
        (DagSelector(tags=("blue",), owners=("ann",), bundles=("git",)), KNOWN, None, False, False),
        (DagSelector(tags=("red",), owners=("bob",), bundles=("git",)), KNOWN, None, False, False),
        (DagSelector(tags=("red",), owners=("ann",), bundles=("local",)), KNOWN, None, False, False),
        (DagSelector(bundles=("*",)), DagFacts("a1"), None, False, False),
        (DagSelector(bundles=("*",)), None, None, False, True),
        (DagSelector(owners=("*",)), DagFacts("a1"), None, False, False),
    ],
)
def test_all_keys_must_hold_and_what_is_not_known_is_possible_and_never_certain(
    selector, facts, team, certain, possible
):
    matcher = compile_matcher((selector, DagSelector(ids=("z",))))
    assert matcher.matches("a1", facts, team) is certain
    assert matcher.could_match("a1", facts, team) is possible


def closed(*resources: str) -> RoleSettings:
    return RoleSettings("closed", deny=(Statement(("read",), "resources", resources),))


def test_a_denied_resource_is_closed_on_known_and_unknown_dags_and_in_lists():
    facts = {"known": DagFacts("known", team="fin", roles={"other": frozenset({"GET"})})}
    for access_control in (False, True):
        policy = Policy({"closed": closed("DAGs")}, FixedIndex(facts), access_control=access_control)
        for held in ((["closed", "Admin"], ()), (["Admin"], [("fin", "closed"), ("ops", "closed")])):
            found = policy.permissions(*held)
            assert not found.allows_dag("GET", None, "known")
            assert not found.allows_dag("GET", None, "known", "ops")
            assert not found.allows_dag("GET", None, "new", "fin")
            assert not found.allows_dag("GET", "RUN", "new")
            assert found.allows_dag("PUT", None, "known")
        assert not policy.permissions(["closed", "Admin"]).allows_dag("GET", None, None)
        assert policy.permissions(["closed", "Admin"]).allows_dag("PUT", None, None)
        assert policy.permissions(["Admin"], [("fin", "closed")]).allows_dag("GET", None, None)


def test_a_file_opens_no_list_that_is_denied():
    facts = {"mine": DagFacts("mine", roles={"author": frozenset({"GET", "DELETE"})})}
    roles = {"author": RoleSettings("author"), "closed": closed("DAGs")}
    policy = Policy(roles, FixedIndex(facts), access_control=True)
    assert policy.permissions(["author"]).allows_dag("GET", None, None)
    assert policy.permissions(["author"]).allows_dag("GET", None, "mine", "fin")
    assert not policy.permissions(["author", "closed"]).allows_dag("GET", None, None)
    assert policy.permissions(["author", "closed"]).allows_dag("DELETE", None, None)
    assert not policy.permissions(["Public"]).allows_dag("GET", None, "mine", "fin")


@pytest.mark.parametrize("key", ["tags", "owners", "bundles", "teams"])
def test_an_id_that_fits_opens_no_unknown_dag_where_more_is_asked_for_and_a_denial_holds(key):
    """A DAG that was added a second ago: nobody knows its tags yet."""
    line = Statement(("read",), "dags", DagSelector(ids=("a*",), **{key: ("x",)}))
    opened = Policy({"r": RoleSettings("r", (line,))}).permissions(["r"])
    assert not opened.allows_dag("GET", None, "a1")
    closed_by = Policy({"r": RoleSettings("r", deny=(line,))}).permissions(["r", "Viewer"])
    assert not closed_by.allows_dag("GET", None, "a1")
    assert closed_by.allows_dag("GET", None, "b1")


@pytest.mark.parametrize("key, value", [("bundles", {"bundle": "x"}), ("teams", {"team": "x"})])
def test_a_dag_without_a_bundle_or_a_team_is_in_none_whatever_the_pattern(key, value):
    line = Statement(("read",), "dags", DagSelector(**{key: ("*",)}))
    index = FixedIndex({"bare": DagFacts("bare"), "full": DagFacts("full", **value)})
    found = Policy({"r": RoleSettings("r", (line,))}, index).permissions(["r"])
    assert found.filter_dag_ids("GET", {"bare", "full"}) == {"full"}
    # Airflow may say another team than the index: then the DAG is judged by itself.
    assert found.filter_dag_ids("GET", {"bare", "full"}, "fin") == ({"full"} if key == "bundles" else {"bare", "full"})


@pytest.mark.parametrize("length, matched", [(NO_ID, True), (NO_ID + 1, False)])
def test_the_longest_id_that_there_can_be_is_still_looked_at(length, matched):
    line = Statement(("read",), "dags", DagSelector(ids=("a*",)))
    assert Policy({"r": RoleSettings("r", (line,))}).permissions(["r"]).allows_dag("GET", None, "a" * length) is matched
    denied = Policy({"r": RoleSettings("r", deny=(line,))}).permissions(["r", "Viewer"])
    assert denied.allows_dag("GET", None, "b" * length) is matched
