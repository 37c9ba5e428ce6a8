"""Airflow's questions as values, for whoever wants to put one by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from airflow_oidc_auth.policy.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Question:
    """What Airflow asks.

    :param kind: ``resource`` (name is of one thing or None), ``dag``, ``view``, ``menu`` or ``custom_view``
    :param resource: the resource; of a view, a menu item or a custom view its name. Unused for DAGs
    :param name: DAG id, connection id, key, …; None for none in particular
    :param entity: of DAGs, None for the DAG itself
    :param team: as Airflow says it
    """

    method: str
    kind: Literal["resource", "dag", "view", "menu", "custom_view"]
    resource: str = ""
    name: str | None = None
    entity: str | None = None
    team: str | None = None


def ask(permissions: Permissions, question: Question) -> bool:
    """Return the answer."""
    if question.kind == "dag":
        return permissions.allows_dag(question.method, question.entity, question.name, question.team)
    if question.kind == "resource":
        return permissions.allows_named(question.method, question.resource, question.name, question.team)
    if question.kind == "view":
        return permissions.allows_view(question.resource)
    if question.kind == "menu":
        return permissions.allows_menu_item(question.resource)
    return permissions.allows_custom_view(question.method, question.resource)
