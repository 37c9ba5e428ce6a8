"""A token of some of its owner's roles, or for who acts for them: less is allowed, and nothing less is denied."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.grants.rules import compile_rules
from airflow_oidc_auth.grants.scopes import denials_of, scoped_roles
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement
from airflow_oidc_auth.sessions.grant_document import dump_grant, parse_grant
from airflow_oidc_auth.sessions.scope import narrow
from tests.unit.grants.people import person, rule

SECRET = Statement(("read",), "dags", DagSelector(ids=("secret_*",)), None, "roles.closed.deny[0]")
NO_WRITES = Statement(("edit",), "connections", NameSelector(("*",)), None, "roles.calm.deny[0]")
READS = Statement(("read",), "connections", NameSelector(("*",)), None, "roles.both.allow[0]")
DAGS = {each: DagFacts(each, team=team) for each, team in (("a", None), ("secret_a", None), ("secret_b", "red"))}
POLICY = Policy(
    {
        "closed": RoleSettings("closed", deny=(SECRET,)),
        "calm": RoleSettings("calm", deny=(NO_WRITES,), extends=("Op",)),
        "both": RoleSettings("both", allow=(READS,), deny=(SECRET,)),
        "far": RoleSettings("far", extends=("closed", "calm")),
    },
    FixedIndex(DAGS),
)
ROLES = ("Admin", "Op", "Viewer", "closed", "calm", "both", "far")


def match(*roles: str, teams: tuple[str, ...] = ()) -> RuleMatch:
    return RuleMatch("rule", "grants.rules[0]", roles, teams)


def grant_of(*matches: RuleMatch) -> Grant:
    roles = sorted({role for each in matches for role in each.roles})
    return Grant(tuple(roles), tuple(sorted({team for each in matches for team in each.teams})), matches)


def permissions(grant: Grant) -> Permissions:
    return POLICY.permissions(*scoped_roles(grant))


def test_a_token_without_the_role_that_denies_does_not_do_what_is_denied() -> None:
    owner = grant_of(match("Viewer"), match("closed"))
    assert not permissions(owner).allows_dag("GET", "TASK_LOGS", "secret_a")
    token = narrow(owner, ("Viewer",))
    assert token is not None
    assert token.roles == ("Viewer",)
    assert permissions(token).allows_dag("GET", "TASK_LOGS", "a")
    assert not permissions(token).allows_dag("GET", "TASK_LOGS", "secret_a")


def test_the_denials_of_what_a_role_extends_stay_too_and_its_rights_do_not() -> None:
    token = narrow(grant_of(match("Viewer"), match("far")), ("Viewer",))
    assert token is not None
    assert not permissions(token).allows_dag("GET", None, "secret_a")
    assert not permissions(token).allows_named("GET", "Connections", "db")


def test_nothing_is_left_of_what_a_withdrawn_role_allowed() -> None:
    owner = grant_of(match("Viewer", "both"))
    token = narrow(owner, ("Viewer",))
    assert token is not None
    assert permissions(owner).allows_named("GET", "Connections", "db")
    assert not permissions(token).allows_named("GET", "Connections", "db")
    assert not permissions(token).allows_dag("GET", None, "secret_a")


def test_a_denial_within_a_team_stays_within_it() -> None:
    token = narrow(grant_of(match("Viewer"), match("closed", teams=("red",))), ("Viewer",))
    assert token is not None
    assert not permissions(token).allows_dag("GET", None, "secret_b")
    assert permissions(token).allows_dag("GET", None, "secret_a")


def test_a_token_made_with_a_token_keeps_what_was_withdrawn_before() -> None:
    first = narrow(grant_of(match("Viewer", "Op", "closed")), ("Viewer", "Op"))
    assert first is not None
    second = narrow(first, ("Viewer",))
    assert second is not None
    assert scoped_roles(second) == (("Viewer", "{Op}", "{closed}"), ())


def test_who_acts_on_behalf_of_somebody_is_denied_what_they_are_denied() -> None:
    rules = compile_rules(
        [rule({"group": "a"}, "Viewer", n=0), rule({"group": "a"}, "closed", n=1)],
        known_roles=ROLES,
        delegated_roles=["Viewer"],
    )
    grant = rules.evaluate(replace(person("a"), actors=("agent",))).decision
    assert isinstance(grant, Grant)
    assert grant.roles == ("Viewer",)
    assert not permissions(grant).allows_dag("GET", None, "secret_a")


@pytest.mark.parametrize("teams", [(), ("red",)])
def test_a_role_whose_place_nobody_knows_gives_nothing_and_denies_everywhere(teams: tuple[str, ...]) -> None:
    owner = Grant(("Viewer", "closed"), teams, (match("Viewer"),) if teams else ())
    token = narrow(owner, ("Viewer",))
    assert token is not None
    for each in (owner, token):
        assert permissions(each).allows_dag("GET", None, "a")
        assert not permissions(each).allows_dag("GET", None, "secret_a")
        assert not permissions(each).allows_dag("GET", None, "secret_b")


def test_a_narrowed_grant_is_stored_whole_and_its_digest_tells_what_was_withdrawn() -> None:
    token = narrow(grant_of(match("Viewer", "closed")), ("Viewer",))
    assert token is not None
    assert parse_grant(dump_grant(token), grant_digest(token)) == token
    assert grant_digest(token) != grant_digest(replace(token, withdrawn=()))
    assert dump_grant(grant_of(match("Viewer"))).count("withdrawn") == 0


def test_a_role_in_braces_is_no_role_that_a_rule_gives() -> None:
    rules = compile_rules([rule({"group_regex": "(?P<role>.+)"}, "{role}")], known_roles=None)
    assert not isinstance(rules.evaluate(person("{closed}")).decision, Grant)
    assert denials_of("closed") == "{closed}"


MATCHES = st.lists(
    st.builds(
        lambda roles, teams: match(*roles, teams=teams),
        st.lists(st.sampled_from(ROLES), min_size=1, max_size=3, unique=True),
        st.sampled_from([(), ("red",), ("blue", "red")]),
    ),
    min_size=1,
    max_size=3,
)
SCOPES = st.lists(st.sets(st.sampled_from(ROLES), min_size=1), min_size=1, max_size=2)


@given(MATCHES, SCOPES, st.sampled_from(["GET", "PUT", "DELETE"]))
def test_no_token_may_do_what_its_owner_may_not(matches: list[RuleMatch], scopes: list[set[str]], method: str) -> None:
    owner = grant_of(*matches)
    token: Grant | None = owner
    for scope in scopes:
        token = token and narrow(token, tuple(scope))
    if token is None:
        return
    less, more = permissions(token), permissions(owner)
    for dag_id in (*DAGS, "unknown"):
        for entity in (None, "RUN", "TASK_LOGS"):
            assert more.allows_dag(method, entity, dag_id) or not less.allows_dag(method, entity, dag_id)
    for team in (None, "red", "blue"):
        asked = (method, "Connections", "db", team)
        assert more.allows_named(*asked) or not less.allows_named(*asked)


def test_a_dag_file_gives_nothing_to_a_name_in_braces() -> None:
    facts = DagFacts("a", roles={"{closed}": frozenset({"GET"}), "closed": frozenset({"GET"})})
    policy = Policy(POLICY.roles, FixedIndex({"a": facts}), access_control=True)
    owner = grant_of(match("Public", "closed"))
    token = narrow(owner, ("Public",))
    assert token is not None
    assert policy.permissions(*scoped_roles(owner)).allows_dag("GET", None, "a")
    assert not policy.permissions(*scoped_roles(token)).allows_dag("GET", None, "a")
