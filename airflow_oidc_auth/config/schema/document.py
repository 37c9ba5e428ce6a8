"""The top level of the document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from airflow_oidc_auth.config.schema.audit import AuditModel
from airflow_oidc_auth.config.schema.base import Strict
from airflow_oidc_auth.config.schema.grants import GrantsModel
from airflow_oidc_auth.config.schema.roles import RoleModel, RoleName
from airflow_oidc_auth.config.schema.sessions import SessionsModel
from airflow_oidc_auth.config.schema.tokens import RateLimitsModel, TokensModel
from airflow_oidc_auth.config.schema.vendors import AnyProvider

PROVIDER_ID = "^[a-z][a-z0-9-]{0,31}$"


class Document(Strict):
    """Configuration of airflow-oidc-auth: identity providers, and which roles their people get."""

    version: Literal[1] = Field(description="Version of this format.")
    providers: Annotated[dict[Annotated[str, Field(pattern=PROVIDER_ID)], AnyProvider], Field(min_length=1)] = Field(
        description="Identity providers by id; the id is part of the sign-in address.",
    )
    grants: GrantsModel = Field(description="Who gets which roles.")
    roles: Annotated[dict[RoleName, RoleModel], Field(max_length=1000)] = Field(
        default_factory=dict,
        description="Custom roles by name, besides Admin, Op, User, Viewer and Public.",
        examples=[{"finance": {"extends": ["Viewer"]}}],
    )
    sessions: SessionsModel = Field(default_factory=SessionsModel, description="How long people stay signed in.")
    tokens: TokensModel = Field(default_factory=TokensModel, description="Tokens that Airflow issues to programs.")
    rate_limits: RateLimitsModel = Field(default_factory=RateLimitsModel, description="How often anybody may try.")
    audit: AuditModel = Field(default_factory=AuditModel, description="What happens when an event cannot be audited.")
