"""Keycloak. Its "Group Membership" mapper writes full paths, which begin with a slash."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import Derived, Given, Preset, require_issuer
from airflow_oidc_auth.providers.settings import GroupSource


def check(given: Given) -> tuple[Problem, ...]:
    """The issuer names a realm."""
    if problems := require_issuer(given):
        return problems
    path = urlsplit(given.issuer or "").path
    if "/realms/" not in path or path.rstrip("/").endswith("/realms"):
        return (Problem("issuer", "names no realm", "write https://HOST/realms/REALM"),)
    return ()


def derive(given: Given) -> Derived:
    """A realm's issuer has no trailing slash."""
    return Derived(issuer=(given.issuer or "").rstrip("/"))


def check_token(claims: Mapping[str, object]) -> str | None:
    """Id, refresh and logout tokens look alike, but for this claim."""
    return None if claims.get("typ") in (None, "Bearer", "DPoP") else "it is another kind of token (claim `typ`)"


PRESET = Preset(
    name="keycloak",
    vendor="Keycloak",
    groups=(GroupSource("id_token", ClaimPath(("groups",)), strip_prefix="/"),),
    # Refresh tokens come without a scope, bound to the session; `offline_access` would outlive logout.
    whole_refreshed_id_token=True,
    refresh_by_default=True,
    check=check,
    derive=derive,
    token_types=("at+jwt", "jwt"),
    check_token=check_token,
)
