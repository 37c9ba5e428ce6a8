"""Why a question is answered as it is: the line of the document that decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from airflow_oidc_auth.policy.compile import Policy

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


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer and what decides it.

    :param path: the deciding line, ``roles.finance.allow[1]``; None for a built-in role, or if nothing decides
    :param text: the line in words, for people
    :param role: the role whose line it is; None if nothing decides
    :param team: the team that the role holds in; None for everywhere
    """

    allowed: bool
    reason: Reason
    path: str | None = None
    text: str = ""
    role: str | None = None
    team: str | None = None


def explain_decision(
    policy: Policy, roles: Iterable[str], team_roles: Iterable[tuple[str, str]], question: Question
) -> Decision:
    """Return the answer that ``policy.permissions(roles, team_roles)`` gives, with the line that decides."""
    raise NotImplementedError
