from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.permissions import NOTHING
from airflow_oidc_auth.policy.roles import RESOURCES, RoleSettings, close_roles, collect_pairs, denying_roles
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.statement_pairs import statement_pairs
from airflow_oidc_auth.policy.statements import Statement
from airflow_oidc_auth.policy.vocabulary import ENTITY_RESOURCES, MENU_RESOURCES, VIEW_RESOURCES
from tests.unit.policy.test_compile import questions

VERB = {"GET": "read", "POST": "create", "PUT": "edit", "DELETE": "delete", "MENU": "menu"}


def allow(pairs: Iterable[tuple[str, str]]) -> tuple[Statement, ...]:
    """One statement for each pair."""
    return tuple(_statement(VERB[method], resource) for method, resource in sorted(pairs))


def _statement(action: str, resource: str) -> Statement:
    if resource.startswith("DAG:"):
        return Statement((action,), "dags", DagSelector(ids=(resource[4:],)))
    return Statement((action,), "resources", (resource,))


PAIRS = st.frozensets(
    st.tuples(st.sampled_from(("GET", "POST", "PUT", "DELETE", "MENU")), st.sampled_from((*RESOURCES, "DAG:d1"))),
    max_size=6,
)
ROLES = st.fixed_dictionaries(
    {
        name: st.builds(
            RoleSettings,
            st.just(name),
            PAIRS.map(allow),
            st.just(()),
            st.lists(st.sampled_from(("a", "b", "c", "Viewer", "Op", "Admin", "nobody")), max_size=3).map(tuple),
        )
        for name in "abc"
    }
)


def role(name: str, *pairs: tuple[str, str], extends: tuple[str, ...] = ()) -> dict[str, RoleSettings]:
    return {name: RoleSettings(name, allow(pairs), (), extends)}


def test_a_custom_role_may_what_it_says_and_what_it_extends():
    policy = Policy({**role("a", ("PUT", "Pools"), extends=("Viewer",)), **role("b", extends=("a",))})
    assert policy.permissions(["b"]) == policy.permissions(["a"])
    assert policy.permissions(["a"]).pairs == BUILTIN_PAIRS["Viewer"] | {
        *(("PUT", "Pools"), ("PATCH", "Pools")),
        *(("PATCH", name) for name in ("My Password", "My Profile")),
    }


def test_a_role_that_another_configuration_defined_may_nothing():
    assert Policy(role("a", ("GET", "Pools"))).permissions(["b"]) is NOTHING
    assert Policy().permissions(["a"]) is NOTHING


@pytest.mark.parametrize("name", ["Admin", "Viewer"])
def test_a_custom_role_cannot_take_the_place_of_a_builtin_one(name):
    assert Policy(role(name)).permissions([name]) == Policy().permissions([name])


def test_extending_admin_gives_nothing():
    """The configuration refuses it; what it lets through some day must not open every door."""
    assert Policy(role("a", extends=("Admin",))).permissions(["a"]) is NOTHING


@given(roles=ROLES, asked=st.lists(st.sampled_from("abc"), max_size=3))
def test_circles_end_and_roles_add_up(roles, asked):
    together = collect_pairs(asked, roles)
    assert together == frozenset().union(*(collect_pairs([name], roles) for name in asked))
    assert all(statement_pairs(line) <= together for name in asked for line in roles[name].allow)


@given(roles=ROLES, pair=PAIRS)
def test_removing_a_right_from_a_role_never_allows_more(roles, pair):
    kept = tuple(line for line in roles["a"].allow if line not in allow(pair))
    fewer = {**roles, "a": replace(roles["a"], allow=kept)}
    assert questions(Policy(fewer).permissions("ab")) <= questions(Policy(roles).permissions("ab"))


def test_resources_are_all_that_airflow_asks_about():
    asked = {*MENU_RESOURCES.values(), *(name for _, name in VIEW_RESOURCES.values())}
    asked |= {name for names in ENTITY_RESOURCES.values() for name in names}
    things = {"Asset Aliases", "Assets", "Configurations", "Connections", "DAGs", "Pools", "Variables", "Backfills"}
    assert set(RESOURCES) >= asked | things
    assert list(RESOURCES) == sorted(set(RESOURCES))


def test_a_role_denies_what_it_extends_denies():
    line = Statement(("read",), "connections", NameSelector(names=("prod-*",)))
    roles = {
        "strict": RoleSettings("strict", deny=(line,)),
        "heir": RoleSettings("heir", extends=("strict",)),
        "free": RoleSettings("free", allow=(line,), extends=("Viewer",)),
    }
    assert denying_roles(roles) == {"strict", "heir"}


def test_the_denials_of_a_role_are_also_those_of_the_roles_that_it_extends():
    """A token that was narrowed away from a role must not get around what that role inherited."""
    line = Statement(("read",), "connections", NameSelector(names=("prod-*",)))
    roles = {
        "strict": RoleSettings("strict", deny=(line,)),
        "middle": RoleSettings("middle", extends=("strict", "Viewer", "nobody")),
        "heir": RoleSettings("heir", extends=("middle",)),
    }
    for name in roles:
        found = Policy(roles).permissions(["Op", f"{{{name}}}"])
        assert not found.allows_named("GET", "Connections", "prod-1")
        assert found.allows_named("GET", "Connections", "dev-1")
        assert not Policy(roles).permissions([f"{{{name}}}"]).allows_dag("GET", None, "a")


def test_the_same_roles_are_one_combination_in_whatever_order_they_come():
    """Rights are compiled once for each, and people are told the first that decides."""
    names = [f"role-{number:02}" for number in range(100)]
    assert list(close_roles(reversed(names), {name: RoleSettings(name) for name in names})) == names


def test_what_stands_in_no_document_has_no_place_there():
    line = Statement(("read",), "resources", ("Jobs",))
    assert (RoleSettings("r").path, RoleSettings("r").description, line.path) == ("", "", "")
