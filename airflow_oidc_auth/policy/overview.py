"""What roles may do by the configuration alone: by kind of thing, then line by line, then team by team."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from airflow_oidc_auth.policy.builtin import ADMIN, Pair
from airflow_oidc_auth.policy.name_rules import LISTED
from airflow_oidc_auth.policy.roles import RoleSettings, collect_pairs, with_denials
from airflow_oidc_auth.policy.single_dags import DAG_PREFIX
from airflow_oidc_auth.policy.statement_pairs import statement_pairs
from airflow_oidc_auth.policy.summary import VERBS
from airflow_oidc_auth.policy.team_rights import TEAM_MENU, TEAM_VIEWS
from airflow_oidc_auth.policy.vocabulary import DAGS, ENTITY_RESOURCES, MENU_RESOURCES, VIEW_RESOURCES
from airflow_oidc_auth.policy.words import Line, lines_of

_WHOLE_KINDS = ("resources", "views", "menu", "custom_views")
_TEAM_KINDS = ("dags", "connections", "variables", "pools")
_TEAM_RESOURCES = frozenset({DAGS, *LISTED, *(one for many in ENTITY_RESOURCES.values() for one in many)})
_TEAM_PAIRS: frozenset[Pair] = frozenset(
    {
        *(VIEW_RESOURCES[view] for view in TEAM_VIEWS),
        *(("MENU", MENU_RESOURCES[item]) for item in TEAM_MENU),
    }
)


@dataclass(frozen=True, slots=True)
class TeamOverview:
    """What roles may do with the things of one team."""

    team: str
    roles: tuple[str, ...]
    overview: Overview


@dataclass(frozen=True, slots=True)
class Overview:
    """What roles may do; by default nothing.

    :param everything: Admin is among them
    :param resources: kinds of things, and what may be done with all of each kind, but for what ``denied`` says
    :param some: the allow statements that are for some things of a kind
    :param denied: every deny statement; it wins over all of the others
    """

    everything: bool = False
    resources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    some: tuple[Line, ...] = ()
    denied: tuple[Line, ...] = ()
    teams: tuple[TeamOverview, ...] = ()

    @property
    def nothing(self) -> bool:
        """No role allows anything anywhere."""
        return not (self.everything or self.resources or self.some or self.teams)


def overview_of(
    roles: Iterable[str], team_roles: Iterable[tuple[str, str]], settings: Mapping[str, RoleSettings]
) -> Overview:
    """Return what the roles may do; roles that neither are built in nor configured add nothing.

    A role in braces is what that role denies, and nothing else (:func:`~airflow_oidc_auth.policy.roles.with_denials`).
    """
    return _overview(roles, team_roles, with_denials(settings))


def _overview(
    roles: Iterable[str], team_roles: Iterable[tuple[str, str]], settings: Mapping[str, RoleSettings]
) -> Overview:
    held = frozenset(roles)
    lines = lines_of(held, (), settings)
    denied = tuple(each for each in lines if each.effect == "deny")
    some = tuple(each for each in lines if each.effect == "allow" and _whole_pairs(each) is None)
    by_team: dict[str, list[str]] = {}
    for team, role in sorted(set(team_roles)):
        by_team.setdefault(team, []).append(role)
    teams = (_in_team(team, tuple(names), settings) for team, names in by_team.items())
    return Overview(ADMIN in held, _resources(held, denied, settings), some, denied, tuple(teams))


def _in_team(team: str, roles: tuple[str, ...], settings: Mapping[str, RoleSettings]) -> TeamOverview:
    """Leave out what no team owns: a role in a team opens nothing of that."""
    found = _overview(roles, (), settings)
    some = tuple(each for each in found.some if each.statement.kind in _TEAM_KINDS)
    rest = {name: tuple(verb for verb in verbs if _is_of_teams(verb, name)) for name, verbs in found.resources.items()}
    resources = {name: verbs for name, verbs in rest.items() if verbs}
    return TeamOverview(team, roles, replace(found, resources=resources, some=some))


def _is_of_teams(verb: str, resource: str) -> bool:
    method = next(method for method, word in VERBS if word == verb)
    if method == "MENU" or resource not in _TEAM_RESOURCES:
        return (method, resource) in _TEAM_PAIRS
    return True


def _whole_pairs(line: Line) -> frozenset[Pair] | None:
    """Return what a line says about all of a kind; None for a line about some things."""
    return statement_pairs(line.statement) if line.statement.kind in _WHOLE_KINDS else None


def _resources(
    roles: Iterable[str], denied: Sequence[Line], settings: Mapping[str, RoleSettings]
) -> dict[str, tuple[str, ...]]:
    """Return what may be done with all of a kind: what a deny takes away as a whole is not among it."""
    gone = {pair for line in denied for pair in _whole_pairs(line) or ()}
    pairs = {pair for pair in collect_pairs(roles, settings) - gone if not pair[1].startswith(DAG_PREFIX)}
    names = sorted({resource for _, resource in pairs})
    return {name: tuple(verb for method, verb in VERBS if (method, name) in pairs) for name in names}
