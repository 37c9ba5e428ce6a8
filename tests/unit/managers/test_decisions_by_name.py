"""Rights on single things, as the auth manager answers for them: lists, batches and single questions agree."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AssetDetails,
    ConfigurationDetails,
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
    PoolDetails,
    TeamDetails,
    VariableDetails,
)
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.managers.dag_ids import DagIds
from airflow_oidc_auth.managers.decisions import Decisions
from airflow_oidc_auth.managers.permitted_dags import EveryDag
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.name_rules import UNTOLD_TEAM
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement

TEAMS = (None, "fin", "mkt")
DAGS = {
    facts.id: facts
    for facts in (
        DagFacts("fin_a", tags=frozenset({"blue"}), team="fin"),
        DagFacts("fin_b", owners=frozenset({"ops"}), bundle="b1"),
        DagFacts("mkt_a", tags=frozenset({"blue", "red"}), team="mkt", bundle="b1"),
    )
}
INDEX = FixedIndex(DAGS)
UNKNOWN = "fin_new"
NAMES = ("fin-a", "fin-b", "mkt-a", "other")
METHODS = ("GET", "POST", "PUT", "DELETE")

GLOBS = st.lists(st.sampled_from(("*", "fin*", "mkt?a", "fin-a", "other")), min_size=1, max_size=2).map(tuple)
SOME = st.just(()) | GLOBS
TEAM_GLOBS = st.just(()) | st.sampled_from((("fin",), ("*",), ("m*",)))
ATTRIBUTES = st.just(()) | st.sampled_from((("blue",), ("red",), ("ops",), ("b*",)))
ACTIONS = st.lists(st.sampled_from(("read", "edit", "delete")), min_size=1, max_size=2, unique=True).map(tuple)
DAG_SELECTORS = st.builds(DagSelector, SOME, ATTRIBUTES, ATTRIBUTES, ATTRIBUTES, TEAM_GLOBS).filter(
    lambda each: any((each.ids, each.tags, each.owners, each.bundles, each.teams))
)
PARTS = st.none() | st.sampled_from((("all",), ("runs",), ("dag", "logs")))
STATEMENTS = st.one_of(
    st.builds(Statement, ACTIONS, st.just("dags"), DAG_SELECTORS, PARTS),
    st.builds(
        Statement,
        ACTIONS,
        st.sampled_from(("connections", "pools", "variables")),
        st.builds(NameSelector, SOME, TEAM_GLOBS).filter(lambda each: any((each.names, each.teams))),
    ),
)
LINES = st.lists(STATEMENTS, max_size=3).map(tuple)
ROLES = st.builds(RoleSettings, st.just("custom"), LINES, LINES, st.sampled_from(((), ("Viewer",), ("Op",))))


@dataclass
class Someone:
    permissions: Permissions


def permitted(role: RoleSettings, team: str | None = None) -> Someone:
    policy = Policy({"custom": role}, INDEX)
    return Someone(policy.permissions((), [(team, "custom")]) if team else policy.permissions(["custom"]))


PEOPLE = st.builds(permitted, ROLES, st.sampled_from(TEAMS))
DECISIONS = Decisions()
KINDS = {
    "connections": (DECISIONS.is_authorized_connection, ConnectionDetails, "conn_ids"),
    "pools": (DECISIONS.is_authorized_pool, PoolDetails, "pool_names"),
    "variables": (DECISIONS.is_authorized_variable, VariableDetails, "variable_keys"),
}


@given(user=PEOPLE, method=st.sampled_from(METHODS), team=st.sampled_from(TEAMS), kind=st.sampled_from(sorted(KINDS)))
def test_a_filter_of_named_things_equals_the_check_of_each(user, method, team, kind):
    ask, details, argument = KINDS[kind]
    filter_ = getattr(DECISIONS, f"filter_authorized_{kind}")
    found = filter_(**{argument: set(NAMES)}, user=user, method=method, team_name=team)
    assert found == {name for name in NAMES if ask(method=method, details=details(name, team), user=user)}


class Teamless(Decisions):
    """Where Airflow does not tell whose a thing is."""

    _untold_team = UNTOLD_TEAM


@given(role=ROLES, method=st.sampled_from(METHODS), name=st.sampled_from(NAMES), kind=st.sampled_from(sorted(KINDS)))
def test_where_no_team_is_told_a_thing_is_open_only_if_it_is_whosever_it_is(role, method, name, kind):
    user, teamless = permitted(role), Teamless()
    argument, asked = KINDS[kind][2], KINDS[kind][1](name)
    open_ = getattr(teamless, f"is_authorized_{kind.removesuffix('s')}")(method=method, details=asked, user=user)
    assert open_ == bool(getattr(teamless, f"filter_authorized_{kind}")(**{argument: {name}}, user=user, method=method))
    teams = [team for team in TEAMS if KINDS[kind][0](method=method, details=KINDS[kind][1](name, team), user=user)]
    assert not open_ or len(teams) == len(TEAMS)


@given(user=PEOPLE, method=st.sampled_from(METHODS), kind=st.sampled_from(sorted(KINDS)), data=st.data())
def test_a_batch_of_named_things_equals_all_of_its_questions(user, method, kind, data):
    ask, details, _ = KINDS[kind]
    each = st.builds(details, st.sampled_from((*NAMES, None)), st.sampled_from(TEAMS)) | st.none()
    requests = [{"method": method, "details": one} for one in data.draw(st.lists(each, max_size=3))]
    batch = getattr(DECISIONS, f"batch_is_authorized_{kind.removesuffix('s')}")
    assert batch(requests, user=user) is all(ask(**request, user=user) for request in requests)


def dag_ids(*ids: str) -> DagIds:
    return DagIds(lambda: set(ids), lambda: len(ids))


DAG_REQUESTS = st.fixed_dictionaries(
    {"method": st.sampled_from(METHODS)},
    optional={
        "access_entity": st.none() | st.sampled_from(DagAccessEntity),
        "details": st.none() | st.builds(DagDetails, st.sampled_from((*DAGS, UNKNOWN, None)), st.sampled_from(TEAMS)),
    },
)


@given(user=PEOPLE, requests=st.lists(DAG_REQUESTS, max_size=3))
def test_a_batch_of_dags_equals_all_of_its_questions(user, requests):
    each = [DECISIONS.is_authorized_dag(**request, user=Someone(user.permissions)) for request in requests]
    assert DECISIONS.batch_is_authorized_dag(requests, user=user) is all(each)


@given(user=PEOPLE, method=st.sampled_from(METHODS), data=st.data())
def test_a_filter_of_dags_equals_the_check_of_each(user, method, data):
    ids = data.draw(st.sets(st.sampled_from((*DAGS, UNKNOWN))))
    found = DECISIONS.filter_authorized_dag_ids(dag_ids=ids, user=user, method=method)
    assert type(found) is set
    assert found == {
        dag_id for dag_id in ids if DECISIONS.is_authorized_dag(method=method, details=DagDetails(dag_id), user=user)
    }


@given(user=PEOPLE, entity=st.sampled_from(DagAccessEntity), method=st.just("GET") | st.sampled_from(METHODS))
def test_a_list_of_a_part_holds_only_dags_whose_part_may_be_seen(user, entity, method):
    """Core filters such a list by the DAGs that may be read, whichever part it shows."""
    decisions = Decisions()
    # As a request of core's comes: first the question without a DAG, then the list.
    user.listed = ()
    if not decisions.is_authorized_dag(method="GET", access_entity=entity, details=DagDetails(), user=user):
        assert not user.listed
        return
    decisions._dag_ids = dag_ids(*DAGS, UNKNOWN)
    found = decisions.get_authorized_dag_ids(user=user, method=method)
    each = Someone(user.permissions)
    assert found == {
        dag_id
        for dag_id in (*DAGS, UNKNOWN)
        if decisions.is_authorized_dag(method=method, details=DagDetails(dag_id), user=each)
        and (
            method != "GET"
            or decisions.is_authorized_dag(method="GET", access_entity=entity, details=DagDetails(dag_id), user=each)
        )
    }


@given(user=PEOPLE, method=st.sampled_from(METHODS), entity=st.none() | st.sampled_from(DagAccessEntity))
def test_every_dag_is_said_only_of_who_may_do_it_with_any_dag_there_will_ever_be(user, method, entity):
    if user.permissions.allows_every_dag(method, entity and entity.name):
        for dag_id in (*DAGS, UNKNOWN, "never seen"):
            for team in TEAMS:
                assert DECISIONS.is_authorized_dag(
                    method=method, access_entity=entity, details=DagDetails(dag_id, team), user=user
                )


@given(user=PEOPLE, method=st.sampled_from(METHODS), kind=st.sampled_from(sorted(KINDS)), team=st.sampled_from(TEAMS))
def test_a_list_that_is_not_read_would_have_been_empty(user, method, kind, team):
    resource = kind.capitalize()
    ask, details, _ = KINDS[kind]
    if not user.permissions.allows_some(method, resource):
        assert not any(ask(method=method, details=details(name, team), user=user) for name in NAMES)


def test_a_denied_dag_keeps_the_list_from_being_a_subquery(monkeypatch):
    monkeypatch.setattr("airflow_oidc_auth.managers.permitted_dags.FEW", 0)
    deny = (Statement(("read",), "dags", DagSelector(ids=("fin_a",))),)
    for role, expected in (
        (RoleSettings("custom", (), deny, ("Op",)), set),
        (RoleSettings("custom", (), (), ("Op",)), EveryDag),
    ):
        decisions = Decisions()
        decisions._dag_ids = dag_ids(*DAGS)
        assert type(decisions.get_authorized_dag_ids(user=permitted(role))) is expected


@pytest.mark.parametrize(
    "team, name, expected",
    [(None, "fin", False), ("fin", "fin", True), ("fin", "mkt", False), ("fin", None, False), ("fin", "", False)],
)
def test_whoever_has_a_role_in_a_team_belongs_to_it(team, name, expected):
    user = permitted(RoleSettings("custom", (), (), ("Viewer",)), team)
    assert DECISIONS.is_authorized_team(method="GET", details=TeamDetails(name), user=user) is expected
    found = DECISIONS.filter_authorized_teams(teams_names={"fin", "mkt"}, user=user)
    assert found == ({team} if team else set())


def test_sections_and_assets_are_asked_for_by_name():
    lines = (
        Statement(("read",), "configuration", ("core", "log*")),
        Statement(("read",), "assets", NameSelector(names=("s3-*",))),
    )
    user = permitted(RoleSettings("custom", lines))

    class Named(Decisions):
        def _name_of_asset(self, asset_id):
            return {"1": "s3-orders", "2": "mail"}.get(asset_id)

    def section(name):
        return DECISIONS.is_authorized_configuration(method="GET", details=ConfigurationDetails(name), user=user)

    def asset(asset_id):
        return Named().is_authorized_asset(method="GET", details=AssetDetails(asset_id), user=user)

    assert [section(name) for name in ("core", "logging", "database", None)] == [True, True, False, False]
    assert [asset(asset_id) for asset_id in ("1", "2", "3", None)] == [True, False, False, False]
    assets = [AssetDetails("1"), AssetDetails("2"), AssetDetails()]
    assert Named().filter_authorized_assets(assets=assets, user=user) == {"1"}


@pytest.mark.parametrize("method, entity", [("GET", DagAccessEntity.AUDIT_LOG), ("PUT", DagAccessEntity.RUN)])
def test_a_question_that_is_refused_or_about_a_change_narrows_no_list(method, entity):
    user = permitted(RoleSettings("custom", (), (), ("User",)))
    DECISIONS.is_authorized_dag(method=method, access_entity=entity, user=user)
    assert DECISIONS.filter_authorized_dag_ids(dag_ids=set(DAGS), user=user) == set(DAGS)


@pytest.mark.parametrize("spelled", ["database", "Database", "DATABASE"])
def test_a_denied_section_is_denied_however_it_is_spelled(spelled):
    """Airflow knows sections in lower case, and looks an option up whatever case the address has."""
    deny = Statement(("read",), "configuration", ("database",))
    user = permitted(RoleSettings("custom", deny=(deny,), extends=("Op",)))
    assert not DECISIONS.is_authorized_configuration(method="GET", details=ConfigurationDetails(spelled), user=user)
    assert DECISIONS.is_authorized_configuration(method="GET", details=ConfigurationDetails("CORE"), user=user)


def test_spaces_at_the_end_of_an_id_do_not_lead_around_a_denial():
    """MySQL finds the DAG without them, also by the binary collation that Airflow gives to ids."""
    deny = Statement(("read",), "dags", DagSelector(ids=("fin_a",)))
    user = permitted(RoleSettings("custom", deny=(deny,), extends=("Op",)))
    for dag_id, expected in (("fin_a", False), ("fin_a ", False), ("fin_a  ", False), ("fin_b ", True)):
        assert DECISIONS.is_authorized_dag(method="GET", details=DagDetails(dag_id), user=user) is expected


def test_an_id_of_spaces_is_not_a_list():
    read = Statement(("read",), "dags", DagSelector(ids=("fin_a",)))
    user = permitted(RoleSettings("custom", (read,)))
    assert DECISIONS.is_authorized_dag(method="GET", details=DagDetails(), user=user)
    assert not DECISIONS.is_authorized_dag(method="GET", details=DagDetails("  "), user=user)


def test_a_change_of_many_dags_reaches_those_alone_that_may_be_changed():
    """Core asks whether DAGs may be changed, and deletes queued events of all that may be read."""
    deny = Statement(("edit",), "dags", DagSelector(ids=("fin_a",)))
    user = permitted(RoleSettings("custom", deny=(deny,), extends=("Op",)))
    assert DECISIONS.filter_authorized_dag_ids(dag_ids=set(DAGS), user=user) == set(DAGS)
    assert DECISIONS.is_authorized_dag(method="PUT", details=DagDetails(), user=user)
    assert DECISIONS.filter_authorized_dag_ids(dag_ids=set(DAGS), user=user) == set(DAGS) - {"fin_a"}
