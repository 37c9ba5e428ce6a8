"""Where each role of a Grant holds: everywhere, or within teams alone."""

from __future__ import annotations

from airflow_oidc_auth.grants.grant import Grant

TeamRole = tuple[str, str]
"""A team, and a role that holds within it."""


def scoped_roles(grant: Grant) -> tuple[tuple[str, ...], tuple[TeamRole, ...]]:
    """Return the roles that hold everywhere, and those that hold within a team; both sorted, no role in both.

    A rule without teams gives its roles everywhere, whatever other rules say; a rule with teams gives them there. Only
    rules that still hold count, and of their roles those that the Grant still has: it may have been narrowed. In a
    Grant with teams, a role that no rule gives any more holds nowhere, because nobody can tell where it should.
    """
    if not grant.teams and not any(match.teams for match in grant.matches):
        return tuple(sorted(set(grant.roles))), ()
    held = frozenset(grant.roles)
    given = [(match.teams, role) for match in grant.matches for role in match.roles if role in held]
    everywhere = {role for teams, role in given if not teams}
    within = {(team, role) for teams, role in given if role not in everywhere for team in teams}
    return tuple(sorted(everywhere)), tuple(sorted(within))
