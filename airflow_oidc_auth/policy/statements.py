"""Statements: the lines of a role, and what their actions and parts mean in Airflow's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.vocabulary import ENTITY_RESOURCES

Kind = Literal[
    "resources",
    "dags",
    "connections",
    "variables",
    "pools",
    "assets",
    "configuration",
    "views",
    "menu",
    "custom_views",
]
"""What a statement selects. ``views`` and ``menu`` are other spellings of ``resources``, with the same names."""

DagCell = tuple[str, "str | None"]
"""A method and the name of the DAG entity, None for the DAG itself."""

NAMED_RESOURCES: Mapping[str, str] = MappingProxyType(
    {
        "connections": "Connections",
        "variables": "Variables",
        "pools": "Pools",
        "assets": "Assets",
        "configuration": "Configurations",
    }
)
"""Kind whose things are selected by name → the resource."""

ACTION_METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "read": ("GET",),
        "create": ("POST",),
        # PATCH is a partial PUT: whoever may replace a thing may change a part of it, and nobody else.
        "edit": ("PUT", "PATCH"),
        "delete": ("DELETE",),
        "menu": ("MENU",),
    }
)
"""Plain action → the methods that it is."""

MACROS: Mapping[str, tuple[DagCell, ...]] = MappingProxyType(
    {
        "run": (("POST", "RUN"),),
        "clear": (("PUT", "RUN"), ("PATCH", "RUN"), ("PUT", "TASK_INSTANCE"), ("PATCH", "TASK_INSTANCE")),
        "pause": (("PUT", None), ("PATCH", None)),
        "respond": (("PUT", "HITL_DETAIL"), ("PATCH", "HITL_DETAIL")),
    }
)
"""Action on DAGs that stands for questions about parts, by itself and without ``parts``."""

PARTS: Mapping[str, tuple[str | None, ...]] = MappingProxyType(
    {
        "all": (None, *ENTITY_RESOURCES),
        "dag": (None,),
        "runs": ("RUN",),
        "tasks": ("TASK", "TASK_INSTANCE"),
        "logs": ("TASK_LOGS",),
        "code": ("CODE",),
        "xcoms": ("XCOM",),
        "audit_log": ("AUDIT_LOG",),
        "dependencies": ("DEPENDENCIES",),
        "versions": ("VERSION",),
        "warnings": ("WARNING",),
        "required_actions": ("HITL_DETAIL",),
    }
)
"""Part of a DAG → the entities that it is; None is the DAG itself."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Actions on one selection of things; what it means depends on whether a role allows or denies it.

    :param actions: keys of :data:`ACTION_METHODS`, on DAGs of :data:`MACROS` too
    :param selector: a :class:`DagSelector` for DAGs, a :class:`NameSelector` for connections, variables, pools and
        assets; else a tuple: resource names, globs of sections, globs of custom views
    :param parts: keys of :data:`PARTS`, for DAGs only; None is the DAG as a whole
    :param path: its place in the document, ``roles.finance.allow[1]``
    """

    actions: tuple[str, ...]
    kind: Kind
    selector: DagSelector | NameSelector | tuple[str, ...]
    parts: tuple[str, ...] | None = None
    path: str = ""

    def __post_init__(self) -> None:
        """Refuse what has no meaning, which would otherwise be a right that nobody has, or a denial of nothing."""
        known = {*ACTION_METHODS, *(MACROS if self.kind == "dags" else ())}
        if unknown := [*set(self.actions).difference(known), *set(self.parts or ()).difference(PARTS)]:
            raise ValueError(f"{self.path}: unknown action or part {unknown[0]!r}")
        if isinstance(self.selector, DagSelector) != (self.kind == "dags"):
            raise ValueError(f"{self.path}: not a selector of {self.kind}")
