"""What Airflow would ask the policy about the thing that somebody named."""

from __future__ import annotations

from airflow_oidc_auth.cli.resource import CUSTOM_VIEW, DAG, MENU, RESOURCES, TEAM, VIEW, Asked
from airflow_oidc_auth.policy.decision import Question


def questions_of(asked: Asked, team: str | None) -> tuple[Question, ...]:
    """Return Airflow's questions, each of which must be answered with yes; none about a team, which is no question.

    :param team: that owns the thing, where it is no DAG: the team of a DAG is among its facts
    """
    return tuple(_question(asked, method, entity, team) for method, entity in asked.questions if asked.kind != TEAM)


def _question(asked: Asked, method: str, entity: str | None, team: str | None) -> Question:
    name = asked.name
    if asked.kind == DAG:
        return Question(method, "dag", name=name, entity=entity)
    if asked.kind == VIEW:
        return Question(method, "view", resource=(name or "").upper())
    if asked.kind == MENU:
        return Question(method, "menu", resource=(name or "").upper())
    if asked.kind == CUSTOM_VIEW:
        return Question(method, "custom_view", resource=name or "")
    return Question(method, "resource", resource=RESOURCES[asked.kind], name=name, team=team)
