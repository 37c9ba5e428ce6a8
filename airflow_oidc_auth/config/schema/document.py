"""The top level of the document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from airflow_oidc_auth.config.schema.audit import AuditModel
from airflow_oidc_auth.config.schema.base import Strict, refuse
from airflow_oidc_auth.config.schema.grants import GrantsModel
from airflow_oidc_auth.config.schema.sessions import SessionsModel
from airflow_oidc_auth.config.schema.vendors import AnyProvider

PROVIDER_ID = "^[a-z][a-z0-9-]{0,31}$"


def _no_custom_roles(value: dict[str, object]) -> dict[str, object]:
    if value:
        raise refuse("custom roles are not in this release", "remove them; use Admin, Op, User, Viewer or Public")
    return value


class Document(Strict):
    """Configuration of airflow-oidc-auth: identity providers, and which roles their people get."""

    version: Literal[1] = Field(description="Version of this format.")
    providers: Annotated[dict[Annotated[str, Field(pattern=PROVIDER_ID)], AnyProvider], Field(min_length=1)] = Field(
        description="Identity providers by id; the id is part of the sign-in address.",
    )
    grants: GrantsModel = Field(description="Who gets which roles.")
    roles: Annotated[
        dict[str, object], AfterValidator(_no_custom_roles), WithJsonSchema({"type": "object", "maxProperties": 0})
    ] = Field(default_factory=dict, description="Custom roles; not in this release.")
    sessions: SessionsModel = Field(default_factory=SessionsModel, description="How long people stay signed in.")
    audit: AuditModel = Field(default_factory=AuditModel, description="What happens when an event cannot be audited.")
