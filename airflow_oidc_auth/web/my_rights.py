"""What the page "my access" says somebody may do, and what not, in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.scopes import scoped_roles
from airflow_oidc_auth.policy.overview import Overview, overview_of
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.words import Line, describe_role

# Of FAB's pages, which are not there; and menu items, which open nothing.
_NOT_SHOWN = frozenset({"Admin", "Browse", "Docs", "Documentation", "My Password", "My Profile", "SLA Misses"})
_MENU = "menu"
_KIND_WORDS: Mapping[str, str] = {
    "HITL Detail": "Required Actions",
    "ImportError": "Import Errors",
    "Website": "Home",
}


@dataclass(frozen=True, slots=True)
class Right:
    """Some things, and what may or may not be done with them.

    :param role: whose line it is, for people: with the role that brings it; empty for all of a kind
    :param path: the line's place in the document; likewise
    """

    actions: str
    things: str
    role: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class MyRights:
    """What may be done in one place: everywhere, or in one team.

    :param team: None for everywhere
    :param kinds: what is allowed with all of a kind
    :param some: what is allowed with some things of a kind
    :param denied: what is not, whatever allows it
    """

    team: str | None
    roles: tuple[str, ...]
    everything: bool
    kinds: tuple[Right, ...]
    some: tuple[Right, ...]
    denied: tuple[Right, ...]

    @property
    def nothing(self) -> bool:
        """Nothing is allowed here."""
        return not (self.everything or self.kinds or self.some)


def describe_rights(grant: Grant, settings: Mapping[str, RoleSettings] | None) -> tuple[MyRights, ...]:
    """Return what a Grant opens: everywhere first, then team by team; a place without any role is left out.

    :param settings: the custom roles; None where another database decides what roles allow
    """
    if settings is None:
        return ()
    roles, team_roles = scoped_roles(grant)
    found = overview_of(roles, team_roles, settings)
    everywhere = _describe(None, roles, found)
    teams = tuple(_describe(each.team, each.roles, each.overview) for each in found.teams)
    return (everywhere, *teams) if roles or not teams else teams


def _describe(team: str | None, roles: tuple[str, ...], found: Overview) -> MyRights:
    return MyRights(
        team=team,
        roles=roles,
        everything=found.everything,
        kinds=() if found.everything else _kinds(found.resources),
        some=() if found.everything else _rights(found.some),
        denied=_rights(found.denied),
    )


def _kinds(resources: Mapping[str, tuple[str, ...]]) -> tuple[Right, ...]:
    by_actions: dict[str, list[str]] = {}
    for resource, verbs in resources.items():
        actions = ", ".join(verb for verb in verbs if verb != _MENU)
        if actions and resource not in _NOT_SHOWN:
            by_actions.setdefault(actions, []).append(_KIND_WORDS.get(resource, resource))
    most_first = sorted(by_actions.items(), key=lambda item: (-item[0].count(","), item[0]))
    return tuple(Right(actions, ", ".join(sorted(kinds))) for actions, kinds in most_first)


def _rights(lines: Iterable[Line]) -> tuple[Right, ...]:
    return tuple(Right(each.actions, each.things, _source(each), each.statement.path) for each in lines)


def _source(line: Line) -> str:
    role, through = describe_role(line.role), describe_role(line.through)
    return role if through == role else f"{role}, which {through} extends"
