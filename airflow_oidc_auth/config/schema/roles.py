"""``roles``: custom roles, beside the built-in ones."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from airflow_oidc_auth.config.schema.base import Strict, refuse
from airflow_oidc_auth.config.schema.statements import StatementModel
from airflow_oidc_auth.config.schema.values import Text, Texts
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES

MAX_NAME = 64
_BUILTIN = frozenset(role.casefold() for role in BUILTIN_ROLES)


def _role_name(value: str) -> str:
    if value.casefold() in _BUILTIN:
        raise refuse("is the name of a built-in role, which cannot be changed", "choose another name, and extend it")
    if "{" in value or "}" in value:
        raise refuse("holds a brace, which rules take for a capture", "choose a name without braces")
    return value


RoleName = Annotated[Text, Field(max_length=MAX_NAME), AfterValidator(_role_name)]
Statements = Annotated[list[StatementModel], Field(min_length=1, max_length=1000)]


class RoleModel(Strict):
    """One custom role. What it allows adds up with other roles; what it denies, no other role allows."""

    description: Text | None = Field(
        default=None,
        max_length=500,
        description="What the role is for; shown on my access.",
        examples=["Runs the finance DAGs"],
    )
    extends: Texts | None = Field(
        default=None,
        description="Roles whose rights and denials it has as well: Op, User, Viewer, or custom ones.",
        examples=[["Viewer"]],
    )
    allow: Statements | None = Field(
        default=None,
        description="What it may do.",
        examples=[[{"actions": ["read", "run"], "dags": ["finance_*"], "parts": ["all"]}]],
    )
    deny: Statements | None = Field(
        default=None,
        description="What whoever has the role may not do, whatever other roles they have, Admin included.",
        examples=[[{"actions": ["read"], "dags": ["finance_secret_*"]}]],
    )

    @model_validator(mode="after")
    def _check_says_something(self) -> RoleModel:
        if self.extends is None and self.allow is None and self.deny is None:
            raise refuse("says nothing", "write allow, deny or extends; for a role without rights there is Public")
        return self
