"""A token that was narrowed never gets more than it had, whatever happens to the teams that its roles held in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.grants.scopes import scoped_roles
from airflow_oidc_auth.sessions.scope import narrow

ROLES, TEAMS = ("Op", "User", "Viewer"), ("fin", "mkt", "ops")


def grant_of(*given: tuple[tuple[str, ...], tuple[str, ...]]) -> Grant:
    matches = tuple(RuleMatch(f"r{number}", "", roles, teams) for number, (roles, teams) in enumerate(given))
    roles = sorted({role for each in matches for role in each.roles})
    teams = sorted({team for each in matches for team in each.teams})
    return Grant(tuple(roles), tuple(teams), matches)


def test_a_role_of_a_lost_team_does_not_begin_to_hold_everywhere() -> None:
    assert narrow(grant_of((("Op",), ("fin",))), ("Op",), ()) is None
    left = narrow(grant_of((("Op",), ("fin",)), (("Viewer",), ())), ("Op", "Viewer"), ())
    assert left is not None
    assert left.roles == ("Viewer",)
    assert scoped_roles(left) == (("Viewer",), (("fin", "{Op}"),))


def test_what_a_lost_team_denied_stays_denied() -> None:
    left = narrow(grant_of((("Op",), ("fin", "mkt"))), ("Op",), ("mkt",))
    assert left is not None
    assert scoped_roles(left) == ((), (("fin", "{Op}"), ("mkt", "Op")))


def some(names: tuple[str, ...], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), min_size=least, unique=True).map(lambda found: tuple(sorted(found)))


@given(st.lists(st.tuples(some(ROLES, 1), some(TEAMS)), min_size=1, max_size=4), some(ROLES, 1), some(TEAMS))
def test_no_role_holds_where_it_did_not_hold_before(given, scope, teams) -> None:
    whole = grant_of(*given)
    left = narrow(whole, scope, teams)
    if left is None:
        return
    everywhere, within = scoped_roles(left)
    before, before_within = scoped_roles(whole)
    held = {role for role in everywhere if "{" not in role}
    assert held <= set(before) & set(scope)
    for team, role in within:
        if "{" not in role:
            assert role in before or (team, role) in before_within
            assert role in scope
            assert team in teams
