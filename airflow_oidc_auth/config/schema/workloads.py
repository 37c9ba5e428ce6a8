"""``providers`` with the preset of a workload issuer: programs bring its tokens, nobody signs in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from airflow_oidc_auth.config.schema.base import Strict
from airflow_oidc_auth.config.schema.machines import Audiences, TokenLifetime, TokenTypes
from airflow_oidc_auth.config.schema.providers import Algorithm, DiscoveryFile, DiscoveryUrl, HttpModel, Leeway
from airflow_oidc_auth.config.schema.values import (
    AbsolutePath,
    ClaimPathValue,
    Issuer,
    OneOrMany,
    Text,
)


def _one_path(value: object) -> object:
    """``bind: sub`` is short for ``bind: [sub]``."""
    return [value] if isinstance(value, str) else value


class WorkloadModel(Strict):
    """One workload issuer."""

    preset: str = Field(description="Which vendor's conventions to follow.")
    label: Text | None = Field(
        default=None,
        max_length=80,
        description="Name for pages and audit rows; the vendor's name if left out.",
        examples=["CI"],
    )
    issuer: Issuer | None = Field(
        default=None,
        description="The issuer, exactly as its tokens spell it (`iss`). May be left out for github-actions, "
        "gitlab-ci and gcp-workload, which then mean the public one.",
        examples=["https://gitlab.example.com"],
    )
    audience: Audiences = Field(
        description="What `aud` of a token must be, or one of several. Whoever asks the issuer for a token chooses "
        "it; take this Airflow's address.",
        examples=["https://airflow.example.com"],
    )
    max_lifetime: TokenLifetime | None = Field(
        default=None,
        description="Tokens that live longer are refused, 1m to 30d; `1d` unless the preset knows better.",
        examples=["1h"],
    )
    discovery_url: DiscoveryUrl = None
    discovery_file: DiscoveryFile = None
    jwks_file: AbsolutePath | None = Field(
        default=None,
        description="The issuer's public keys (JWK Set) in a file; nothing is fetched then.",
        examples=["/etc/airflow/cluster-jwks.json"],
    )
    algorithms: Annotated[list[Algorithm], Field(min_length=1)] | None = Field(
        default=None, description="Accepted signature algorithms; the preset's if left out.", examples=[["ES256"]]
    )
    leeway: Leeway = 60
    http: HttpModel = Field(default_factory=HttpModel, description="Timeout, certificate authorities, proxy.")


class WorkloadProvider(WorkloadModel):
    """An issuer of tokens for programs."""

    preset: Literal[
        "github-actions",
        "gitlab-ci",
        "kubernetes",
        "aws",
        "azure-workload",
        "gcp-workload",
        "cloudfoundry-clients",
    ] = Field(description="Which vendor's conventions to follow.")


class JwtProvider(WorkloadModel):
    """Any issuer of signed JWTs for programs."""

    preset: Literal["jwt"] = Field(description="Any other issuer of signed JWTs.")
    bind: (
        Annotated[list[ClaimPathValue], Field(min_length=1, max_length=10), BeforeValidator(_one_path), OneOrMany()]
        | None
    ) = Field(
        default=None,
        description="Claims that say whose program it is and that its author cannot choose: each rule must name a "
        "value of one of them. `sub` if left out.",
        examples=[["organization_slug"]],
    )
    token_types: TokenTypes | None = Field(
        default=None,
        description="Accepted `typ` of a token's header, `none` for tokens without one; if left out at+jwt, JWT, none.",
        examples=[["JWT"]],
    )
    subject: Text | None = Field(
        default=None,
        description="Claim that names the program and never changes; `sub` if left out.",
        examples=["client_id"],
    )
    name: ClaimPathValue | None = Field(
        default=None, description="Claim path of a name to show; the subject if there is none.", examples=["pipeline"]
    )
