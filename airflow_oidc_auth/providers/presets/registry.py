"""The closed list of presets."""

from __future__ import annotations

from airflow_oidc_auth.providers.presets import (
    auth0,
    aws,
    azure_workload,
    cloudfoundry,
    cloudfoundry_clients,
    cognito,
    entra,
    gcp_workload,
    github,
    github_actions,
    gitlab,
    gitlab_ci,
    google,
    jwt,
    keycloak,
    kubernetes,
    oidc,
    okta,
    saml,
)
from airflow_oidc_auth.providers.presets.preset import Preset

_ALL: tuple[Preset, ...] = (
    oidc.PRESET,
    auth0.PRESET,
    okta.PRESET,
    entra.PRESET,
    keycloak.PRESET,
    google.PRESET,
    gitlab.PRESET,
    cognito.PRESET,
    cloudfoundry.PRESET,
    github.PRESET,
)
_WORKLOADS: tuple[Preset, ...] = (
    github_actions.PRESET,
    gitlab_ci.PRESET,
    kubernetes.PRESET,
    aws.PRESET,
    azure_workload.PRESET,
    gcp_workload.PRESET,
    cloudfoundry_clients.PRESET,
    jwt.PRESET,
)
_BY_NAME = {each.name: each for each in (*_ALL, *saml.PRESETS, *_WORKLOADS)}


def preset(name: str) -> Preset:
    """Return the preset of that name (``KeyError`` if there is none)."""
    return _BY_NAME[name]


def preset_names() -> tuple[str, ...]:
    """Return the names of the OpenID Connect and OAuth presets, the generic one first."""
    return tuple(each.name for each in _ALL)


def saml_preset_names() -> tuple[str, ...]:
    """Return the names of the SAML presets, the generic one first."""
    return tuple(each.name for each in saml.PRESETS)


def workload_preset_names() -> tuple[str, ...]:
    """Return the names of the presets of workload issuers, with which nobody signs in."""
    return tuple(each.name for each in _WORKLOADS)
