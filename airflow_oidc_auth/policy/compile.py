"""From role names to :class:`Permissions`, once per combination of roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from airflow_oidc_auth.policy.builtin import ADMIN
from airflow_oidc_auth.policy.dag_index import EMPTY_INDEX, DagIndex
from airflow_oidc_auth.policy.dag_rules import DagRules, Tables
from airflow_oidc_auth.policy.dag_selection import Snapshots
from airflow_oidc_auth.policy.flat import Flat, compile_flat
from airflow_oidc_auth.policy.lines import collect_allowed, collect_denied
from airflow_oidc_auth.policy.pairs import compile_pairs
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.roles import RoleSettings, close_roles, with_denials, without_denials
from airflow_oidc_auth.policy.selectors import NameSelector
from airflow_oidc_auth.policy.statement_pairs import statement_pairs
from airflow_oidc_auth.policy.team_rights import allow_in_teams

__all__ = ["CACHE_SIZE", "Policy", "compile_pairs"]

CACHE_SIZE = 512
"""Combinations of roles kept compiled. One of fifty roles with statements takes about 20 KB."""

_NO_ROLES: Mapping[str, RoleSettings] = MappingProxyType({})


class Policy:
    """What every role may do, compiled on first use and remembered.

    Roles add up, and a denial in any of them wins, over Admin as well. A role that the policy does not know adds
    nothing: a session that was opened under an older configuration loses what that configuration no longer says. Safe
    to use from several threads.

    :param roles: custom roles by name, of one accepted configuration; another one needs another policy
    :param index: the DAGs that there are, for rights by tag, owner, bundle and team
    :param access_control: whether a role has the rights that a DAG file's ``access_control`` gives to its name
    """

    def __init__(
        self,
        roles: Mapping[str, RoleSettings] = _NO_ROLES,
        index: DagIndex = EMPTY_INDEX,
        *,
        access_control: bool = False,
    ) -> None:
        self.roles = with_denials(roles)
        self.index = index
        self.access_control = access_control
        self._snapshots = Snapshots(index)
        self._tables = Tables()
        self._compiled = lru_cache(maxsize=CACHE_SIZE)(self._compile)
        self._flat = lru_cache(maxsize=CACHE_SIZE)(self._compile_flat)

    @property
    def needs_index(self) -> bool:
        """Whether a role of this configuration is judged by what DAGs there are; roles in teams are besides."""
        allowed = (line for role in self.roles.values() for line in role.allow if line.kind == "dags")
        denied = (line for role in self.roles.values() for line in role.deny if line.kind == "dags")
        return self.access_control or any(denied) or any(statement_pairs(line) is None for line in allowed)

    @property
    def asset_names_matter(self) -> bool:
        """Whether a role of this configuration selects assets by name."""
        return any(line.kind == "assets" for role in self.roles.values() for line in (*role.allow, *role.deny))

    @property
    def denies_by_team(self) -> bool:
        """Whether a role of this configuration denies connections, variables or pools of some team."""
        lines = (line for role in self.roles.values() for line in role.deny)
        return any(isinstance(line.selector, NameSelector) and line.selector.teams for line in lines)

    def prepare(self) -> None:
        """Follow the index now, on the caller's thread, so that nobody waits for it at a question."""
        if self.needs_index:
            self._snapshots.get().prepare()

    def permissions(self, roles: Iterable[str], team_roles: Iterable[tuple[str, str]] = ()) -> Permissions:
        """Return what the roles may do together; order and repetition do not matter.

        :param team_roles: teams, and roles that hold within that team alone
        """
        return self._compiled(frozenset(roles), frozenset(team_roles))

    def _compile(self, roles: frozenset[str], team_roles: frozenset[tuple[str, str]]) -> Permissions:
        home = self._flat(close_roles(roles, self.roles))
        teams = {
            team: self._flat(close_roles(roles | held, self.roles)) for team, held in self._held(team_roles, roles)
        }
        member_of = frozenset(team for team, role in team_roles if close_roles(without_denials((role,)), self.roles))
        own = replace(home.permissions, member_of=member_of) if member_of else home.permissions
        if home.simple and not teams:
            return own
        views = {team: flat.view for team, flat in teams.items()}
        dags = DagRules(home.view, views, self.index, self._snapshots, self._tables)
        found = replace(
            own,
            dags=dags,
            one_dag=dags.always,
            any_dag=dags.lists,
            single_dags=MappingProxyType({}),
        )
        return allow_in_teams(found, {team: flat.permissions for team, flat in teams.items()})

    def _held(
        self, team_roles: frozenset[tuple[str, str]], everywhere: frozenset[str]
    ) -> Iterable[tuple[str, frozenset[str]]]:
        held: dict[str, set[str]] = defaultdict(set)
        for team, role in team_roles:
            if role not in everywhere and close_roles((role,), self.roles):
                held[team].add(role)
        return [(team, frozenset(names)) for team, names in held.items()]

    def _compile_flat(self, names: tuple[str, ...]) -> Flat:
        allow, deny = collect_allowed(names, self.roles), collect_denied(names, self.roles)
        return compile_flat(
            allow, deny, admin=ADMIN in names, roles=without_denials(names) if self.access_control else ()
        )
