"""What roles that hold within a team open: things of that team, the lists that they stand in, and the way to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from airflow_oidc_auth.policy.name_rules import LISTED
from airflow_oidc_auth.policy.permissions import Permissions

TEAM_VIEWS = frozenset({"DOCS", "WEBSITE"})
"""Views that show nothing of their own, or what Airflow filters by DAG.

Import errors are none of them: those of files that never had a DAG are shown to everybody, with the lines of the file.
"""

TEAM_MENU = frozenset({"CONNECTIONS", "DAGS", "DEADLINES", "DOCS", "POOLS", "REQUIRED_ACTIONS", "VARIABLES", "XCOMS"})
"""Menu items that lead to lists of things which a team can own."""


def allow_in_teams(found: Permissions, teams: Mapping[str, Permissions]) -> Permissions:
    """Add what the teams' roles open to what the roles that hold everywhere do.

    :param teams: by team, what the roles of both kinds would do together if they held everywhere
    """
    if not teams:
        return found
    views, menu = set(found.views), set(found.menu)
    lists = set(found.lists)
    for team in {id(team): team for team in teams.values()}.values():
        views |= {view for view in TEAM_VIEWS if team.allows_view(view)}
        menu |= {item for item in TEAM_MENU if team.allows_menu_item(item)}
        lists |= {("GET", resource) for resource in LISTED if team.allows("GET", resource)}
    return replace(
        found,
        views=frozenset(views),
        menu=frozenset(menu),
        lists=frozenset(lists),
        teams=MappingProxyType(dict(teams)),
    )
