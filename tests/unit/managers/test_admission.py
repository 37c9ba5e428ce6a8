from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.managers.admission import PolicyAdmission
from airflow_oidc_auth.managers.dag_facts import FORGET_AFTER, DagFactsIndex
from airflow_oidc_auth.policy.decision import Question
from airflow_oidc_auth.policy.name_rules import UNTOLD_TEAM
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement

BY_TAG = Statement(("read",), "dags", DagSelector(tags=("blue",)), ("all",), "roles.custom.allow[0]")
DENY_BY_TAG = Statement(("read",), "dags", DagSelector(tags=("red",)), None, "roles.custom.deny[0]")


class Rows:
    def __init__(self) -> None:
        self.away = False
        self.reads = 0

    def probe(self) -> object:
        if self.away:
            raise SessionError("session_store_unavailable")
        return None

    def read(self, *, access_control: bool = False) -> dict[str, DagFacts]:
        self.reads += 1
        return {"d1": DagFacts("d1", tags=frozenset({"blue"}))}


def config(*allow: Statement, deny: tuple[Statement, ...] = (), extends=(), teams=(), access_control=False):
    rule = SimpleNamespace(settings=SimpleNamespace(teams=teams))
    return SimpleNamespace(
        roles={"custom": RoleSettings("custom", allow, deny, extends)},
        grants=SimpleNamespace(rules=(rule,)),
        dag_access_control=access_control,
    )


def session(*matches: RuleMatch):
    roles = tuple(sorted({role for match in matches for role in match.roles}))
    teams = tuple(sorted({team for match in matches for team in match.teams}))
    return SimpleNamespace(grant=Grant(roles, teams, matches))


EVERYWHERE = session(RuleMatch("r", "grants.rules[0]", ("custom",)))
IN_TEAM = session(RuleMatch("r", "grants.rules[0]", ("Op",), ("fin",)))


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def admission(rows):
    admission = PolicyAdmission(DagFactsIndex(rows))
    yield admission
    admission.stop()


@pytest.mark.parametrize(
    "document, expected",
    [
        (config(), False),
        (config(Statement(("read",), "pools", NameSelector(names=("a*",)))), False),
        (config(BY_TAG), True),
        (config(deny=(DENY_BY_TAG,)), True),
        (config(teams=("fin",)), True),
        (config(access_control=True), True),
    ],
)
def test_dags_are_read_only_for_a_document_that_tells_them_apart(admission, rows, document, expected):
    admission.start()
    admission.accept(document)
    assert bool(rows.reads) is expected


def test_starting_reads_nothing_before_the_background_work_begins(admission, rows):
    """The configuration is accepted before a fork, where no thread and no connection may be made."""
    admission.accept(config(BY_TAG))
    assert rows.reads == 0
    assert not admission.peek(EVERYWHERE).permissions.allows_dag("GET", None, "d1")


def test_whoever_asks_first_after_a_start_finds_the_dags_known(admission, rows):
    """Who opened Airflow in its first second saw no DAGs."""
    admission.accept(config(BY_TAG))
    admission.start()
    assert rows.reads == 1
    assert admission.peek(EVERYWHERE).permissions.allows_dag("GET", None, "d1")


def test_a_database_that_is_away_keeps_no_server_from_starting(admission, rows):
    rows.away = True
    admission.accept(config(BY_TAG))
    admission.start()
    assert not admission.peek(EVERYWHERE).permissions.allows_dag("GET", None, "d1")


def test_a_document_that_denies_by_tag_comes_into_force_with_the_dags_known(admission, rows):
    """Of a DAG that nobody knows, every rule that denies by an attribute might be meant."""
    admission.accept(config())
    admission.start()
    admission.accept(config(deny=(DENY_BY_TAG,), extends=("Viewer",)))
    assert rows.reads
    permissions = admission.peek(EVERYWHERE).permissions
    assert permissions.allows_dag("GET", None, "d1")
    assert not permissions.allows_dag("GET", None, "d2")


def test_a_database_that_is_away_keeps_no_document_from_coming_into_force(admission, rows):
    admission.start()
    rows.away = True
    admission.accept(config(BY_TAG))
    assert not admission.peek(EVERYWHERE).permissions.allows_dag("GET", None, "d1")


def test_dags_that_nobody_could_read_for_a_minute_are_closed_to_who_is_denied_some(rows):
    """A DAG that got the denied tag stayed open for as long as the tags could not be read."""
    now = [0.0]
    admission = PolicyAdmission(DagFactsIndex(rows, lambda: now[0]))
    admission.accept(config(deny=(DENY_BY_TAG,), extends=("Viewer",)))
    admission.start()
    try:
        assert admission.peek(EVERYWHERE).permissions.allows_dag("GET", None, "d1")
        rows.away = True
        now[0] += FORGET_AFTER
        assert not admission.peek(EVERYWHERE).permissions.allows_dag("GET", None, "d1")
        rows.away = False
        admission._index.look()
        assert admission.peek(EVERYWHERE).permissions.allows_dag("GET", None, "d1")
    finally:
        admission.stop()


def test_a_role_within_a_team_opens_that_teams_things_alone(admission):
    admission.accept(config(teams=("fin",)))
    permissions = admission.peek(IN_TEAM).permissions
    assert permissions.allows_named("GET", "Connections", "c", "fin")
    assert not permissions.allows_named("GET", "Connections", "c", "mkt")
    assert not permissions.allows_named("GET", "Connections", "c", None)
    assert permissions.in_team("fin")
    assert not permissions.in_team("mkt")


def test_a_denial_is_explained_by_the_document_in_force(admission):
    admission.accept(
        config(
            deny=(DENY_BY_TAG, Statement(("read",), "views", ("Jobs",), None, "roles.custom.deny[1]")),
            extends=("Viewer",),
        )
    )
    decision = admission.explain(EVERYWHERE, Question("GET", "view", "JOBS"))
    assert (decision.allowed, decision.path) == (False, "roles.custom.deny[1]")


def test_health_tells_how_old_the_knowledge_is_where_there_is_any(admission, rows):
    assert admission.health() == {}
    admission.start()
    admission.accept(config(BY_TAG))
    assert list(admission.health()) == ["dags_read_ago"]


BY_TEAM = Statement(("read",), "connections", NameSelector(teams=("fin",)), path="roles.custom.deny[0]")


@pytest.mark.parametrize(
    "denied, teams, untold", [((BY_TEAM,), "False", True), ((BY_TEAM,), "True", False), ((), "False", False)]
)
def test_where_airflow_tells_no_teams_a_denial_by_team_makes_every_team_possible(
    admission, monkeypatch, denied, teams, untold
):
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", teams)
    admission.accept(config(deny=denied))
    assert (admission.untold_team == UNTOLD_TEAM) is untold
