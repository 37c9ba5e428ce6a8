"""The keys that only one vendor knows, beside those of every provider."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from airflow_oidc_auth.config.schema.providers import ProviderModel
from airflow_oidc_auth.config.schema.saml import SamlModel
from airflow_oidc_auth.config.schema.values import Text, TextOrTexts, Texts
from airflow_oidc_auth.config.schema.workloads import JwtProvider, WorkloadProvider

_PRESET = "Which vendor's conventions to follow."


class OidcProvider(ProviderModel):
    """Any provider that follows OpenID Connect."""

    preset: Literal["oidc"] = Field(description=_PRESET)


class Auth0Provider(ProviderModel):
    """Auth0."""

    preset: Literal["auth0"] = Field(description=_PRESET)


class OktaProvider(ProviderModel):
    """Okta."""

    preset: Literal["okta"] = Field(description=_PRESET)


class EntraProvider(ProviderModel):
    """Microsoft Entra ID."""

    preset: Literal["entra"] = Field(description=_PRESET)
    tenants: Texts | None = Field(
        default=None,
        description="Tenants whose people may sign in, by id or domain.",
        examples=[["contoso.onmicrosoft.com"]],
    )
    cloud: Literal["public", "usgov", "china"] | None = Field(
        default=None, description="National cloud; `public` if left out.", examples=["usgov"]
    )
    resolve_overage: bool | None = Field(
        default=None,
        description="Ask Microsoft Graph when somebody is in more groups than fit a token.",
        examples=[True],
    )


class KeycloakProvider(ProviderModel):
    """Keycloak."""

    preset: Literal["keycloak"] = Field(description=_PRESET)


class GoogleProvider(ProviderModel):
    """Google Workspace."""

    preset: Literal["google"] = Field(description=_PRESET)
    hosted_domain: TextOrTexts | None = Field(
        default=None,
        description="Workspace domain or domains (`hd` claim) whose people may sign in.",
        examples=["example.com"],
    )
    cloud_identity_groups: bool | None = Field(
        default=None, description="Ask the Cloud Identity API for groups.", examples=[True]
    )


class GitlabProvider(ProviderModel):
    """GitLab."""

    preset: Literal["gitlab"] = Field(description=_PRESET)


class CognitoProvider(ProviderModel):
    """Amazon Cognito."""

    preset: Literal["cognito"] = Field(description=_PRESET)
    domain: Text | None = Field(
        default=None,
        description="Host of the user pool's pages, needed for logout.",
        examples=["acme.auth.eu-central-1.amazoncognito.com"],
    )


class CloudFoundryProvider(ProviderModel):
    """Cloud Foundry UAA."""

    preset: Literal["cloudfoundry"] = Field(description=_PRESET)


class GithubProvider(ProviderModel):
    """GitHub (OAuth 2)."""

    preset: Literal["github"] = Field(description=_PRESET)
    host: Text | None = Field(
        default=None,
        description="Host of GitHub Enterprise Server; github.com if left out.",
        examples=["git.example.com"],
    )
    organizations: Texts | None = Field(
        default=None,
        description="Organisations whose members may sign in.",
        examples=[["acme"]],
    )


AnyProvider = Annotated[
    OidcProvider
    | Auth0Provider
    | OktaProvider
    | EntraProvider
    | KeycloakProvider
    | GoogleProvider
    | GitlabProvider
    | CognitoProvider
    | CloudFoundryProvider
    | GithubProvider
    | SamlModel
    | WorkloadProvider
    | JwtProvider,
    Field(discriminator="preset"),
]
