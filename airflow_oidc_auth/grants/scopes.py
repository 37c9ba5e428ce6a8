"""Where each role of a Grant holds: everywhere, or within teams alone.

A role in braces, ``{contractor}``, stands for what that role denies and nothing else: a token was narrowed away from
it, or nobody can tell where it holds. No role has such a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airflow_oidc_auth.grants.grant import Grant, Places, RuleMatch

TeamRole = tuple[str, str]
"""A team, and a role that holds within it."""

_Given = tuple[tuple[str, ...], str]


def scoped_roles(grant: Grant) -> Places:
    """Return the roles that hold everywhere, and those that hold within a team; both sorted, no role in both.

    A rule without teams gives its roles everywhere, whatever other rules say; a rule with teams gives them there. Only
    rules that still hold count, and of their roles those that the Grant still has: it may have been narrowed. In a
    Grant with teams, a role that no rule gives any more holds nowhere, because nobody can tell where it should.
    """
    everywhere, within = placed_roles(grant)
    return everywhere, tuple(each for each in within if each[1] not in everywhere)


def placed_roles(grant: Grant) -> Places:
    """Return the same for ``policy``: also within each team what a rule gives there and another rule everywhere.

    It opens nothing more there, but whoever has a role in a team belongs to it, and a further role takes nobody out.
    """
    if grant.places is None:
        # Asked at each request, and a person may be in fifty teams; the Grant itself never changes.
        object.__setattr__(grant, "places", _places(grant))
    return grant.places or ((), ())


def _places(grant: Grant) -> Places:
    by_rules = bool(grant.teams) or any(match.teams for match in grant.matches)
    if not by_rules and not grant.withdrawn:
        return tuple(sorted(set(grant.roles))), ()
    given = [*(_held(grant) if by_rules else (((), role) for role in grant.roles)), *_denials(grant.withdrawn)]
    everywhere = {role for teams, role in given if not teams}
    within = {(team, role) for teams, role in given for team in teams}
    return tuple(sorted(everywhere)), tuple(sorted(within))


def denials_of(role: str) -> str:
    """Return the name for what the role denies and nothing else, as ``policy`` knows it."""
    return f"{{{role}}}"


def _held(grant: Grant) -> Iterator[_Given]:
    left = set(grant.roles)
    for match in grant.matches:
        yield from ((match.teams, role) for role in match.roles if role in grant.roles)
        left.difference_update(match.roles)
    yield from (((), denials_of(role)) for role in left)


def _denials(matches: Iterable[RuleMatch]) -> Iterator[_Given]:
    return ((match.teams, denials_of(role)) for match in matches for role in match.roles)
