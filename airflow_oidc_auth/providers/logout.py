"""The address that ends the session at the IdP (OIDC RP-Initiated Logout §2)."""

from __future__ import annotations

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.presets.preset import LogoutRequest, Preset
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret

_MAX_URL = 8000
"""Longer addresses are refused by common servers, and then nobody is signed out at all."""


def logout_url(
    settings: ProviderSettings,
    preset: Preset,
    metadata: ProviderMetadata | None,
    id_token_hint: Secret | None,
    post_logout_redirect_uri: str,
) -> str | None:
    """Return the address for the browser, or None; never raises, because logout must work when the IdP is down.

    :param metadata: cached discovery, or None
    :param id_token_hint: left out when the address would become too long
    """
    if settings.logout == "none":
        return None
    endpoint = metadata.end_session_endpoint if metadata else None
    try:
        url = preset.logout_url(settings, LogoutRequest(endpoint, id_token_hint, post_logout_redirect_uri))
        if url and len(url) > _MAX_URL and id_token_hint is not None:
            url = preset.logout_url(settings, LogoutRequest(endpoint, None, post_logout_redirect_uri))
    except OidcAuthError:
        return None
    return url
