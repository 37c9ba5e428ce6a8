"""What one line does with one question, whatever the other lines say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from airflow_oidc_auth.policy.builtin import Pair
from airflow_oidc_auth.policy.custom_rules import CustomRule
from airflow_oidc_auth.policy.dag_cells import Cell, build_cell
from airflow_oidc_auth.policy.dag_index import DagIndex
from airflow_oidc_auth.policy.globs import compile_globs
from airflow_oidc_auth.policy.lines import NO_LINES, Lines
from airflow_oidc_auth.policy.name_rules import LISTED, compile_names
from airflow_oidc_auth.policy.questions import Question
from airflow_oidc_auth.policy.selectors import DagFacts
from airflow_oidc_auth.policy.single_dags import method_on_the_dag
from airflow_oidc_auth.policy.statements import DagCell
from airflow_oidc_auth.policy.vocabulary import ACTIONS, DAGS, ENTITY_RESOURCES, MENU_RESOURCES, VIEW_RESOURCES


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what is known of the thing that it is about.

    :param team: that owns the thing; None for none, or for nobody knows
    :param dags: every DAG that a list could show
    """

    question: Question
    facts: DagFacts | None
    team: str | None
    dags: Collection[DagFacts] = ()

    @property
    def cell(self) -> DagCell:
        """The question about DAGs."""
        return self.question.method, self.question.entity

    @property
    def pair(self) -> Pair | None:
        """The pair that decides a page or a menu item; None for what this release does not know."""
        resource = self.question.resource
        if self.question.kind == "view":
            return VIEW_RESOURCES.get(resource)
        return ("MENU", MENU_RESOURCES[resource]) if resource in MENU_RESOURCES else None

    @property
    def is_list(self) -> bool:
        """Whether the question names nothing and Airflow filters what it shows."""
        question = self.question
        filtered = question.kind == "resource" and question.method == "GET" and question.resource in LISTED
        return not question.name and (filtered or question.kind == "dag")

    @property
    def is_of_unknown_dag(self) -> bool:
        """Whether nobody knows whose DAG it is."""
        return self.question.kind == "dag" and bool(self.question.name) and self.facts is None and self.team is None


def look_up(question: Question, index: DagIndex) -> Asked:
    """Return the question with what the index knows."""
    facts = index.facts(question.name) if question.kind == "dag" and question.name else None
    team = facts.team if facts is not None and question.team is None else question.team
    return Asked(question, facts, team, () if question.name else index.all().values())


def denies(lines: Lines, asked: Asked) -> bool:
    """Return whether a line that denies something denies this."""
    question = asked.question
    if question.kind == "dag":
        cell = build_cell(asked.cell, NO_LINES, lines, admin=False)
        return cell.closed or (not asked.is_list and _matches(cell, asked, denied=True))
    if question.kind == "custom_view":
        action = ACTIONS.get(question.method, question.method)
        return _is_in(lines, action, question.resource) or _custom(NO_LINES, lines, action, question.resource) is False
    if question.kind != "resource":
        return asked.pair in lines.pairs
    pair = (question.method, question.resource)
    if pair in lines.pairs:
        return True
    rule = compile_names((), lines.names.get(pair, ()), whole=True)
    return not (rule.allows_list if asked.is_list else rule.allows(question.name, asked.team))


def allows(lines: Lines, asked: Asked) -> bool:
    """Return whether the line allows it by itself; about DAGs, without a right on the DAG beside one on the part."""
    question = asked.question
    if question.kind == "dag":
        return _allows_cell(lines, asked)
    if question.kind == "custom_view":
        action = ACTIONS.get(question.method, question.method)
        return _is_in(lines, action, question.resource) or bool(_custom(lines, NO_LINES, action, question.resource))
    if question.kind != "resource":
        return asked.pair in lines.pairs
    pair = (question.method, question.resource)
    if pair in lines.pairs:
        return True
    rule = compile_names(lines.names.get(pair, ()), (), whole=False)
    return rule.allows_list if asked.is_list else rule.allows(question.name, asked.team)


def allows_on_dag(lines: Lines, asked: Asked) -> bool:
    """Return whether the line gives the right on the DAG that the question needs; for a list, on some DAG."""
    on_dag = method_on_the_dag(*asked.cell)
    if (on_dag, DAGS) in lines.pairs:
        return True
    if asked.is_list:
        return bool((lines.dags if on_dag == "GET" else lines.patterns).get(on_dag))
    cell = build_cell((on_dag, None), lines, NO_LINES, admin=False)
    return cell.whole or _matches(cell, asked, denied=False)


def allows_on_part(lines: Lines, asked: Asked) -> bool:
    """Return whether the line gives one of the rights on the part that the question needs."""
    resources = ENTITY_RESOURCES.get(asked.question.entity or "", ())
    return any((asked.question.method, resource) in lines.pairs for resource in resources)


def _allows_cell(lines: Lines, asked: Asked) -> bool:
    selectors = lines.parts.get(asked.cell, ())
    if asked.is_list:
        return bool(selectors) and asked.question.entity != "AUDIT_LOG"
    only_parts = Lines(frozenset(), {}, {}, {}, {asked.cell: selectors}, {}, {})
    cell = build_cell(asked.cell, only_parts, NO_LINES, admin=False)
    return cell.whole or _matches(cell, asked, denied=False)


def _matches(cell: Cell, asked: Asked, *, denied: bool) -> bool:
    dag_id = asked.question.name or ""
    if denied:
        return cell.denied_matcher.could_match(dag_id, asked.facts, asked.team)
    return cell.allowed_matcher.matches(dag_id, asked.facts, asked.team)


def _is_in(lines: Lines, action: str, resource: str) -> bool:
    return any(ACTIONS.get(method) == action and each == resource for method, each in lines.pairs)


def _custom(allow: Lines, deny: Lines, action: str, resource: str) -> bool | None:
    """Return what the patterns for plugins' views say; None for nothing."""
    allowed, denied = allow.custom.get(action, ()), deny.custom.get(action, ())
    if not allowed and not denied:
        return None
    rule = CustomRule(compile_globs(allowed), compile_globs(denied))
    return rule.allows((action, resource), named=not allowed)
