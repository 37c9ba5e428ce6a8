"""GitLab, gitlab.com or self-managed. Inherited groups are in userinfo only."""

from __future__ import annotations

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import Derived, Given, Preset, require_issuer
from airflow_oidc_auth.providers.settings import GroupSource

_ISSUER = "https://gitlab.com"


def check(given: Given) -> tuple[Problem, ...]:
    """gitlab.com unless something else is named."""
    return require_issuer(given) if given.issuer else ()


def derive(given: Given) -> Derived:
    """GitLab's issuer is its external URL without a trailing slash."""
    return Derived(issuer=(given.issuer or _ISSUER).rstrip("/"))


PRESET = Preset(
    name="gitlab",
    vendor="GitLab",
    groups=(GroupSource("userinfo", ClaimPath(("groups",))),),
    refresh_by_default=True,
    check=check,
    derive=derive,
    no_access_tokens="GitLab's access tokens name no audience",
)
