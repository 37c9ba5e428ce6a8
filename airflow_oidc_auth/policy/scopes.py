"""The lines that count for one question: those of roles that hold everywhere, and of those that hold in the team."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from airflow_oidc_auth.policy.builtin import ADMIN, BUILTIN_ROLES
from airflow_oidc_auth.policy.line_effects import Asked
from airflow_oidc_auth.policy.lines import Lines, lines_of_builtin, lines_of_statement
from airflow_oidc_auth.policy.name_rules import LISTED
from airflow_oidc_auth.policy.roles import close_roles, without_denials
from airflow_oidc_auth.policy.statements import Statement
from airflow_oidc_auth.policy.team_rights import TEAM_MENU, TEAM_VIEWS

if TYPE_CHECKING:
    from airflow_oidc_auth.policy.compile import Policy

TeamRoles = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class HeldLine:
    """A line of a role that somebody holds.

    :param team: the team that they hold it in; None for everywhere
    :param statement: None for a built-in role
    """

    role: str
    team: str | None
    statement: Statement | None

    @cached_property
    def lines(self) -> Lines:
        """What it says."""
        return lines_of_builtin(self.role) if self.statement is None else lines_of_statement(self.statement)


@dataclass(frozen=True, slots=True)
class Scope:
    """Lines that count together.

    :param admin: the team that somebody is Admin in, None inside for everywhere; empty for no Admin
    :param roles: all of them, with the team that they hold in
    """

    admin: tuple[str | None, ...]
    roles: tuple[tuple[str, str | None], ...]
    allow: tuple[HeldLine, ...]
    deny: tuple[HeldLine, ...]


def find_scopes(policy: Policy, roles: Iterable[str], team_roles: TeamRoles, asked: Asked) -> list[Scope]:
    """Return the scopes of which any may allow the question, that of roles which hold everywhere first."""
    everywhere = tuple(roles)
    teams = [None, *sorted({team for team, _ in team_roles})] if _asks_all(asked) else [_team(asked)]
    return [_scope(policy, everywhere, team_roles, team) for team in teams]


def _asks_all(asked: Asked) -> bool:
    question = asked.question
    if question.kind in ("view", "menu"):
        return question.resource in (TEAM_VIEWS if question.kind == "view" else TEAM_MENU)
    return asked.is_of_unknown_dag or (asked.is_list and question.entity != "AUDIT_LOG")


def _team(asked: Asked) -> str | None:
    question = asked.question
    owned = question.kind == "dag" or (question.kind == "resource" and question.resource in LISTED)
    return asked.team if owned and not asked.is_list else None


def _scope(policy: Policy, everywhere: tuple[str, ...], team_roles: TeamRoles, team: str | None) -> Scope:
    within = [role for each, role in team_roles if each == team]
    home = close_roles(everywhere, policy.roles)
    together = close_roles((*everywhere, *within), policy.roles)
    held = tuple((role, None if role in home else team) for role in together)
    return Scope(
        admin=tuple(each for role, each in held if role == ADMIN),
        roles=tuple(each for each in held if without_denials(each[:1])) if policy.access_control else (),
        allow=tuple(_allowing(policy, held)),
        deny=tuple(_denying(policy, held)),
    )


def _allowing(policy: Policy, held: Iterable[tuple[str, str | None]]) -> Iterator[HeldLine]:
    held = tuple(held)
    for role, team in held:
        if role not in BUILTIN_ROLES:
            yield from (HeldLine(role, team, statement) for statement in policy.roles[role].allow)
    # Last: a line of the document says more than the name of a built-in role.
    yield from (HeldLine(role, team, None) for role, team in held if role in BUILTIN_ROLES)


def _denying(policy: Policy, held: Iterable[tuple[str, str | None]]) -> Iterator[HeldLine]:
    for role, team in held:
        if role not in BUILTIN_ROLES:
            yield from (HeldLine(role, team, statement) for statement in policy.roles[role].deny)
