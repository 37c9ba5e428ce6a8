"""What a rule gives for what its patterns captured: roles, and the teams within which they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from airflow_oidc_auth.grants.settings import RuleSettings
from airflow_oidc_auth.grants.template import fill


@dataclass(frozen=True, slots=True)
class Share:
    """Roles that are given together.

    :param roles: sorted, never empty
    :param teams: sorted; the roles hold within these alone, or everywhere where the rule names no team
    """

    roles: tuple[str, ...]
    teams: tuple[str, ...]


def fill_rule(
    settings: RuleSettings, known: Collection[str] | None, captures: Sequence[Mapping[str, str]]
) -> tuple[tuple[Share, ...], tuple[str, ...]]:
    """Return what is given, and in words what is not.

    Each match of a pattern stands for itself: with roles and teams captured together, a group of ``fin-Op`` and one of
    ``ops-Viewer`` must not make an Op of ops.

    :param known: roles that may be given; None for any
    :param captures: one mapping for each match of a pattern; none where nothing was captured
    """
    shares: dict[tuple[str, ...], set[str]] = {}
    refused: dict[str, None] = {}
    for captured in captures or ({},):
        roles, problems = _roles(settings.roles, known, captured)
        teams = {team for each in settings.teams if (team := fill(each, captured)) is not None}
        if roles and settings.teams and not teams:
            # Roles whose team is not known would hold everywhere.
            roles, problems = (), [*problems, _without_team(settings.teams, roles)]
        refused.update(dict.fromkeys(problems))
        if roles:
            shares.setdefault(roles, set()).update(teams)
    return tuple(Share(roles, tuple(sorted(teams))) for roles, teams in sorted(shares.items())), tuple(refused)


def _roles(
    templates: Sequence[str], known: Collection[str] | None, captured: Mapping[str, str]
) -> tuple[tuple[str, ...], list[str]]:
    roles: set[str] = set()
    problems: list[str] = []
    for template in templates:
        role = fill(template, captured)
        if role is None:
            problems.append(f"role {template!r} not given: the captured text is not a safe name")
        elif known is not None and role not in known:
            problems.append(f"role {role!r} not given: there is no such role")
        else:
            roles.add(role)
    return tuple(sorted(roles)), problems


def _without_team(teams: Sequence[str], roles: Sequence[str]) -> str:
    named = " or ".join(map(repr, teams))
    return f"{', '.join(roles)} not given: the captured text makes no safe team name of {named}"
