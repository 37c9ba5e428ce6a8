"""Say how sessions of a provider will be re-checked, for ``airflow oidc check``."""

from __future__ import annotations

from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.presets.preset import Preset
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.providers.settings import ProviderSettings

_SUGGESTION = 'let the client have refresh tokens: the provider\'s page, "Re-check", says how'


def recheck_finding(settings: ProviderSettings, preset: Preset, metadata: ProviderMetadata) -> Finding:
    """Say whether a session can be confirmed, and for how long. Sans-IO."""
    if _asks_for_refresh_tokens(settings) or preset.refresh_by_default:
        return Finding("ok", "recheck", "sessions are confirmed with refresh tokens")
    if metadata.userinfo_endpoint is not None and settings.userinfo != "never":
        return Finding("ok", "recheck", _without("userinfo"), _SUGGESTION)
    if metadata.introspection_endpoint is not None:
        return Finding("ok", "recheck", _without("introspection"), _SUGGESTION)
    return Finding("warning", "recheck", "sessions cannot be confirmed: people who leave stay signed in", _SUGGESTION)


def _asks_for_refresh_tokens(settings: ProviderSettings) -> bool:
    return "offline_access" in settings.scopes or settings.authorization_parameters.get("access_type") == "offline"


def _without(way: str) -> str:
    return f"unless the provider gives refresh tokens, sessions are confirmed by {way} while the access token lives"
