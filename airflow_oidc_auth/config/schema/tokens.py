"""``tokens`` and ``rate_limits``: what Airflow itself issues to programs, and how often anybody may try."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from airflow_oidc_auth.config.schema.base import Strict, refuse
from airflow_oidc_auth.config.schema.secrets import SecretReference
from airflow_oidc_auth.config.schema.values import AbsolutePath, Duration, Texts

LONGEST = 366 * 86400
CLIENT_ID = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_RATE = re.compile(r"[1-9][0-9]{0,5}/(second|minute|hour|day)")


def _rate(value: object) -> str:
    if not isinstance(value, str) or _RATE.fullmatch(value) is None:
        raise refuse("is not a rate", "write a number and second, minute, hour or day: 30/minute")
    return value


Rate = Annotated[str, BeforeValidator(_rate), WithJsonSchema({"type": "string", "pattern": f"^{_RATE.pattern}$"})]
Lifetime = Annotated[Duration, Field(ge=60, le=LONGEST)]


class TokenClientModel(Strict):
    """One program that gets tokens for itself at `/auth/token` (client_credentials)."""

    secret: SecretReference | None = Field(
        default=None,
        description="Reference to its secret, of 16 characters or more.",
        examples=[{"env": "DBT_CLIENT_SECRET"}],
    )
    jwks_file: AbsolutePath | None = Field(
        default=None,
        description="Its public keys (JWK Set) instead: it signs what it sends (`private_key_jwt`, RFC 7523).",
        examples=["/etc/airflow/dbt-jwks.json"],
    )
    roles: Texts = Field(description="Roles that its tokens have.", examples=[["User"]])
    max_lifetime: Lifetime | None = Field(
        default=None,
        description="The longest that it may ask for; `tokens.max_lifetime` if left out.",
        examples=["1h"],
    )

    @model_validator(mode="after")
    def _check_credentials(self) -> TokenClientModel:
        if (self.secret is None) == (self.jwks_file is None):
            word = "neither secret nor jwks_file" if self.secret is None else "both secret and jwks_file"
            raise refuse(f"has {word}", "write one of them")
        return self


class TokensModel(Strict):
    """Tokens that Airflow issues."""

    max_lifetime: Lifetime = Field(
        default=30 * 86400, description="The longest that anybody may ask for, 1m to 366d.", examples=["7d"]
    )
    default_lifetime: Lifetime | None = Field(
        default=None,
        description="For who does not ask; `max_lifetime` if that is shorter.",
        examples=["8h"],
        json_schema_extra={"default": "1d"},
    )
    unverified_lifetime: Lifetime | None = Field(
        default=None,
        description="The longest for somebody whom the identity provider cannot confirm meanwhile, because it gave no "
        "refresh token; `max_lifetime` if that is shorter.",
        examples=["8h"],
        json_schema_extra={"default": "1d"},
    )
    personal: bool = Field(default=True, description="Whether people may make tokens of their own.", examples=[False])
    require_dpop: bool = Field(
        default=False,
        description="Issue only tokens that are bound to a key of the program (DPoP, RFC 9449).",
        examples=[True],
    )
    clients: Annotated[dict[Annotated[str, Field(pattern=CLIENT_ID)], TokenClientModel], Field(max_length=1000)] = (
        Field(
            default_factory=dict,
            description="Programs that get tokens for themselves, by client id.",
            examples=[{"dbt": {"secret": {"env": "DBT_CLIENT_SECRET"}, "roles": ["User"]}}],
        )
    )


class RateLimitsModel(Strict):
    """How often anybody may try; who tries more often gets 429 and `Retry-After`."""

    token: Rate = Field(
        default="30/minute", description="Requests for a token, per client address.", examples=["60/minute"]
    )
    login: Rate = Field(
        default="300/minute", description="Sign-ins begun, per client address.", examples=["120/minute"]
    )
    callback: Rate = Field(
        default="300/minute", description="Answers of identity providers, per client address.", examples=["120/minute"]
    )
    principal: Rate = Field(
        default="120/minute",
        description="Tokens issued, per account and client address: nobody can lock out somebody else.",
        examples=["240/minute"],
    )
    bearer: Rate = Field(
        default="60/minute",
        description="Access tokens at the REST API that only the identity provider can judge (opaque, or of an unknown "
        "key) and that were not good, per client address and process.",
        examples=["120/minute"],
    )
    storage: SecretReference | None = Field(
        default=None,
        description="Reference to the URI of a store that all API servers share (`redis://…`); without it each "
        "process counts for itself.",
        examples=[{"env": "RATE_LIMIT_STORAGE"}],
    )
