"""A Grant that a token was narrowed to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.grants.grant import Grant, RuleMatch, first_end
from airflow_oidc_auth.sessions.session import Recheck, Session


def narrow(grant: Grant, scope: tuple[str, ...] | None, teams: tuple[str, ...] | None = None) -> Grant | None:
    """Return what is left of a Grant within a scope of roles, None for nothing; no scope narrows nothing.

    What would be there after another authentication is left out: a program cannot authenticate again.

    :param teams: at most these, where there is a scope; None for all
    """
    if scope is None:
        return replace(grant, step_ups=()) if grant.step_ups else grant
    most = grant.teams if teams is None else teams
    narrowed = (_narrow_match(match, scope, most) for match in grant.matches)
    matches = tuple(match for match in narrowed if match is not None)
    # What held in lost teams alone holds nowhere: without them it would look as if it held everywhere.
    lost = {role for match in grant.matches for role in match.roles} - {role for each in matches for role in each.roles}
    roles = tuple(role for role in grant.roles if role in scope and role not in lost)
    if not roles:
        return None
    left = tuple(team for team in grant.teams if team in most)
    withdrawn = (*grant.withdraw(scope), *_left_behind(grant, scope, most))
    return replace(
        grant, roles=roles, teams=left, matches=matches, step_ups=(), until=first_end(matches), withdrawn=withdrawn
    )


def narrow_again(session: Session, grant: Grant) -> Grant | None:
    """Return what a token has of what the rules now give: within its scope no role and no team that it never had.

    Its teams are written down nowhere but in its Grant: one that is lost does not come back to a narrowed token.
    """
    return narrow(grant, session.scope, session.grant.teams)


def _narrow_match(match: RuleMatch, scope: tuple[str, ...], teams: tuple[str, ...]) -> RuleMatch | None:
    roles = tuple(role for role in match.roles if role in scope)
    left = tuple(team for team in match.teams if team in teams)
    if match.teams and not left:
        return None
    return replace(match, roles=roles, teams=left) if roles or left else None


def _left_behind(grant: Grant, scope: tuple[str, ...], teams: tuple[str, ...]) -> Iterator[RuleMatch]:
    """Yield what the roles of the scope denied in teams that are lost: it stays denied, as of roles that are."""
    for match in grant.matches:
        roles = tuple(role for role in match.roles if role in scope)
        if roles and (gone := tuple(team for team in match.teams if team not in teams)):
            yield RuleMatch(match.rule, match.path, roles, gone)


def scoped(session: Session, recheck: Recheck, grant: Grant, settled: Grant | None = None) -> Grant:
    """Return what a session gets of what the rules now give.

    :param grant: what they give to whoever brings the token
    :param settled: what the principal's account elsewhere holds; None where sessions alone are the accounts
    :raises LoginRefused: ``token_roles_lost``: nothing is left of what a token was narrowed to
    """
    if not session.is_token:
        return grant if settled is None else settled
    given: Grant | None = grant
    if settled is not None:
        # Less than the whole: the rules give less where somebody acts on behalf of the principal.
        capped = recheck.whole is not None and grant.roles != recheck.whole.roles
        given = narrow(settled, grant.roles if capped else None, grant.teams)
    left = None if given is None else narrow_again(session, given)
    if left is None:
        raise LoginRefused("token_roles_lost", f"of its scope {list(session.scope or ())} nothing is left")
    return left
