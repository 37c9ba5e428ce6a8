"""``roles``: custom roles, beside the built-in ones."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from airflow_oidc_auth.config.paths import did_you_mean
from airflow_oidc_auth.config.schema.base import Strict, refuse
from airflow_oidc_auth.config.schema.values import Text, Texts
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.policy.roles import RESOURCES
from airflow_oidc_auth.policy.single_dags import DAG_PREFIX, DAG_RUN_PREFIX

MAX_NAME = 64
_BUILTIN = frozenset(role.casefold() for role in BUILTIN_ROLES)
_DAG_ID = re.compile(r"[\w.-]{1,250}")
_GLOB = re.compile(r"[*?\[\]{}]")


def _role_name(value: str) -> str:
    if value.casefold() in _BUILTIN:
        raise refuse("is the name of a built-in role, which cannot be changed", "choose another name, and extend it")
    if "{" in value or "}" in value:
        raise refuse("holds a brace, which rules take for a capture", "choose a name without braces")
    return value


def _resource(value: str) -> str:
    if value not in RESOURCES:
        hint = "docs/roles.md lists them; the view of a plugin belongs under custom_views"
        raise refuse("is not a resource", did_you_mean(value, RESOURCES) or hint)
    return value


def _dag_id(value: str) -> str:
    if _GLOB.search(value):
        raise refuse("is a pattern; this release knows exact DAG ids only", "list the ids")
    if not _DAG_ID.fullmatch(value):
        raise refuse("is not a DAG id", "write it as Airflow shows it: letters, digits, '_', '-' and '.'")
    return value


def _custom_view(value: str) -> str:
    if value in RESOURCES:
        raise refuse("is a resource of Airflow's", "write it under resources")
    if value.startswith((DAG_PREFIX, DAG_RUN_PREFIX)):
        raise refuse("is FAB's spelling of a right on one DAG", "write the DAG's id under dags")
    return value


RoleName = Annotated[Text, Field(max_length=MAX_NAME), AfterValidator(_role_name)]
Resource = Annotated[Text, AfterValidator(_resource), WithJsonSchema({"type": "string", "enum": list(RESOURCES)})]
DagId = Annotated[
    Text, AfterValidator(_dag_id), WithJsonSchema({"type": "string", "pattern": r"^[\w.\-]+$", "maxLength": 250})
]
CustomView = Annotated[Text, AfterValidator(_custom_view)]
Action = Literal["create", "read", "edit", "delete", "menu"]


class AllowModel(Strict):
    """Actions, and what they may be applied to: one of resources, dags and custom_views."""

    actions: Annotated[list[Action], Field(min_length=1)] = Field(
        description="What may be done; `menu` shows the menu item.", examples=[["read", "edit"]]
    )
    resources: Annotated[list[Resource], Field(min_length=1)] | None = Field(
        default=None,
        description="Kinds of things, all of each kind; see [roles](../roles.md#what-each-role-may-do).",
        examples=[["DAGs", "DAG Runs"]],
    )
    dags: Annotated[list[DagId], Field(min_length=1, max_length=20_000)] | None = Field(
        default=None,
        description="Single DAGs by their exact ids; read, edit and delete only.",
        examples=[["finance_daily"]],
    )
    custom_views: Annotated[list[CustomView], Field(min_length=1)] | None = Field(
        default=None, description="Resource names that views of plugins ask for.", examples=[["My plugin"]]
    )

    @model_validator(mode="after")
    def _check_selects_one_kind(self) -> AllowModel:
        written = [key for key in ("resources", "dags", "custom_views") if getattr(self, key) is not None]
        if not written:
            raise refuse("does not say what the actions are for", "write resources, dags or custom_views")
        if len(written) > 1:
            raise refuse(f"holds {' and '.join(written)}; in this release one of them", "write one entry for each")
        return self


class RoleModel(Strict):
    """One custom role; what it allows adds up."""

    description: Text | None = Field(
        default=None,
        max_length=500,
        description="What the role is for; shown on my access.",
        examples=["Runs the finance DAGs"],
    )
    extends: Texts | None = Field(
        default=None,
        description="Roles whose rights it has as well: Op, User, Viewer, or custom ones.",
        examples=[["Viewer"]],
    )
    allow: Annotated[list[AllowModel], Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description="What it may do.",
        examples=[[{"actions": ["read"], "dags": ["finance_daily"]}]],
    )

    @model_validator(mode="after")
    def _check_allows_something(self) -> RoleModel:
        if self.extends is None and self.allow is None:
            raise refuse("allows nothing", "write allow or extends; for a role without rights there is Public")
        return self
