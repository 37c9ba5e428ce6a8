"""Why a question is answered as it is: the line of the document that decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from airflow_oidc_auth.policy.builtin import ADMIN
from airflow_oidc_auth.policy.dag_cells import methods_of_file
from airflow_oidc_auth.policy.line_effects import Asked, allows, allows_on_dag, allows_on_part, denies, look_up
from airflow_oidc_auth.policy.lines import Lines
from airflow_oidc_auth.policy.questions import Question, ask
from airflow_oidc_auth.policy.scopes import HeldLine, Scope, find_scopes
from airflow_oidc_auth.policy.single_dags import method_on_the_dag
from airflow_oidc_auth.policy.words import describe_statement

if TYPE_CHECKING:
    from airflow_oidc_auth.policy.compile import Policy

__all__ = ["Decision", "Question", "Reason", "explain_decision"]

Reason = Literal[
    "admin",  # Admin may do everything
    "allowed",  # the line allows it
    "denied",  # the line denies it
    "no_right",  # nothing allows it
    "no_right_on_dag",  # the part is allowed, this DAG is not
    "no_right_on_part",  # this DAG is allowed, the part is not
]
"""Stable codes."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer and what decides it.

    :param path: the deciding line, ``roles.finance.allow[1]``; None for a built-in role, or if nothing decides
    :param text: the line in words, for people; what is missing, if it is half of what is needed
    :param role: the role whose line it is; None if nothing decides
    :param team: the team that the role holds in; None for everywhere
    :param also: the path of the second line, where a right on the part and one on the DAG decide together
    """

    allowed: bool
    reason: Reason
    path: str | None = None
    text: str = ""
    role: str | None = None
    team: str | None = None
    also: str | None = None


def explain_decision(
    policy: Policy, roles: Iterable[str], team_roles: Iterable[tuple[str, str]], question: Question
) -> Decision:
    """Return the answer that ``policy.permissions(roles, team_roles)`` gives, with the line that decides."""
    everywhere, within = tuple(roles), tuple(team_roles)
    asked = look_up(question, policy.index)
    scopes = find_scopes(policy, everywhere, within, asked)
    # The compiled rights give the answer, and the lines only say why: what is told is never another answer.
    if ask(policy.permissions(everywhere, within), question):
        return _explain_yes(scopes, asked)
    return _explain_no(scopes, asked)


def _explain_yes(scopes: list[Scope], asked: Asked) -> Decision:
    for scope in scopes:
        if any(denies(line.lines, asked) for line in scope.deny):
            continue
        if scope.admin:
            return Decision(
                allowed=True, reason="admin", text="Admin may do everything", role=ADMIN, team=scope.admin[0]
            )
        if found := _allowing(scope, asked):
            return found
    return Decision(allowed=True, reason="allowed")


def _allowing(scope: Scope, asked: Asked) -> Decision | None:
    for line in scope.allow:
        if allows(line.lines, asked):
            return _decision("allowed", line)
    return _allowing_together(scope, asked) if asked.question.kind == "dag" else None


def _allowing_together(scope: Scope, asked: Asked) -> Decision | None:
    on_part = _first(scope, asked, allows_on_part)
    if asked.question.entity is not None and on_part is None:
        return None
    on_dag = _first(scope, asked, allows_on_dag)
    if on_dag is None:
        by_file = _by_file(scope, asked)
        return by_file or (None if on_part is None else _decision("allowed", on_part))
    return _decision("allowed", on_dag, on_part)


def _by_file(scope: Scope, asked: Asked) -> Decision | None:
    said = [facts.roles for facts in (asked.dags if asked.facts is None else (asked.facts,))]
    methods = methods_of_file(method_on_the_dag(*asked.cell))
    for role, team in scope.roles:
        if any(not roles.get(role, frozenset()).isdisjoint(methods) for roles in said):
            text = "access_control in the DAG file"
            return Decision(allowed=True, reason="allowed", text=text, role=role, team=team)
    return None


def _explain_no(scopes: list[Scope], asked: Asked) -> Decision:
    for scope in scopes:
        for line in scope.deny:
            if denies(line.lines, asked):
                return _decision("denied", line)
    return _explain_lack(scopes, asked) or Decision(allowed=False, reason="no_right")


def _explain_lack(scopes: list[Scope], asked: Asked) -> Decision | None:
    """Say which half is missing, where a right on the part and one on the DAG would decide together."""
    if asked.question.kind != "dag":
        return None
    # Of a DAG that nobody knows, no role in a team opens anything.
    for scope in scopes[:1] if asked.is_of_unknown_dag else scopes:
        on_part, on_dag = _first(scope, asked, allows_on_part), _first(scope, asked, allows_on_dag)
        if on_part is not None and on_dag is None:
            text = f"{_place(on_part)} allows the part, but nothing allows this DAG"
            return Decision(allowed=False, reason="no_right_on_dag", text=text)
        if on_dag is not None:
            text = f"{_place(on_dag)} allows the DAG, but nothing allows this part of it"
            return Decision(allowed=False, reason="no_right_on_part", text=text)
    return None


def _place(line: HeldLine) -> str:
    return line.statement.path if line.statement is not None else f"built-in role {line.role}"


def _first(scope: Scope, asked: Asked, does: Callable[[Lines, Asked], bool]) -> HeldLine | None:
    return next((line for line in scope.allow if does(line.lines, asked)), None)


def _decision(reason: Reason, line: HeldLine, second: HeldLine | None = None) -> Decision:
    if line.statement is None and second is not None:
        # The document's line first: a built-in role has none to look up.
        line, second = second, line
    denied = reason == "denied"
    text = describe_statement(line.statement, deny=denied) if line.statement else _place(line)
    also = second.statement.path if second is not None and second.statement is not None else None
    path = line.statement.path if line.statement else None
    return Decision(not denied, reason, path, text, line.role, line.team, also if also != path else None)
