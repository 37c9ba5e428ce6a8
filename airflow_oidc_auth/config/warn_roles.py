"""Roles that do less than their author believes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from airflow_oidc_auth.config.compiled import TokenClient
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path
from airflow_oidc_auth.config.reading import Parts
from airflow_oidc_auth.config.schema.roles import RoleModel
from airflow_oidc_auth.config.schema.statements import DagsModel, NamesModel, selected
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.policy.roles import RoleSettings, close_roles

_NO_TEAMS = "Airflow has no teams here ([core] multi_team is False)"


def warn_of_roles(
    raw: RawDocument,
    parts: Parts,
    grants: GrantRules,
    roles: Mapping[str, RoleSettings],
    clients: Sequence[TokenClient],
) -> Iterator[Problem]:
    """Yield roles that nobody can have, and denials that people can step out of."""
    yield from _unreachable(raw, grants, roles, clients)
    for index, rule in parts.rules.items():
        for role in rule.roles if rule.needs else ():
            if any(roles[each].deny for each in close_roles([role], roles) if each in roles):
                text = f"{role} denies something, and who has not authenticated so is not denied it"
                yield raw.problem(("grants", "rules", index, "needs"), text, "give the denials by a rule without needs")


def _unreachable(
    raw: RawDocument, grants: GrantRules, roles: Mapping[str, RoleSettings], clients: Sequence[TokenClient]
) -> Iterator[Problem]:
    given = {role for client in clients for role in client.roles}
    reached = close_roles(given | grants.given_of(roles), roles)
    for name in roles:
        if name not in reached:
            text = "is a role that nobody has: no rule gives it, and no role that is given extends it"
            yield raw.problem(("roles", name), text, "name it in a rule, or remove it")


def warn_without_teams(raw: RawDocument, parts: Parts) -> Iterator[Problem]:
    """Yield what waits for teams; of interest only where Airflow has none."""
    for index, rule in parts.rules.items():
        if rule.teams:
            text = f"gives its roles within teams alone, and {_NO_TEAMS}"
            yield raw.problem(("grants", "rules", index, "teams"), text, "remove it, or set up teams")
    for name, role in parts.roles.items():
        for path in _selections_by_team(name, role):
            # Whose a thing is nobody tells there, so that a denial closes what could be meant.
            whosever = path[2] == "deny" and path[4] != "dags"
            found = "selects all of these names, whosever they are" if whosever else "selects nothing"
            yield raw.problem(path, f"{found}: {_NO_TEAMS}", "select otherwise, or set up teams")


def _selections_by_team(name: str, role: RoleModel) -> Iterator[Path]:
    for key, entries in (("allow", role.allow), ("deny", role.deny)):
        for number, entry in enumerate(entries or ()):
            chosen = selected(entry)
            if isinstance(chosen, DagsModel | NamesModel) and chosen.teams:
                yield ("roles", name, key, number, entry.kind, "teams")
