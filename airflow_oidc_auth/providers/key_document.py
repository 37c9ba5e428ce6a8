"""Where the keys come from: the network, or a file of the administrator's."""

from __future__ import annotations

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.discovery import load_json_file
from airflow_oidc_auth.providers.keys import KeyRing, parse_jwks
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import Transport


def fetch_keys(settings: ProviderSettings, transport: Transport, jwks_uri: str | None) -> KeyRing:
    """Read the key document: ``jwks_file`` if configured, which is then never fetched, else ``jwks_uri``.

    :raises ProviderError: ``keys_malformed``, ``discovery_file_unreadable``, and what the transport raises
    """
    if settings.jwks_file:
        return parse_jwks(load_json_file(settings.jwks_file, "keys_malformed"))
    if jwks_uri is None:
        raise ProviderError("keys_malformed", "discovery names no jwks_uri")
    answer = transport.get(jwks_uri)
    if answer.status != 200:
        raise ProviderError("keys_malformed", f"{jwks_uri} answered {answer.status}", evidence={"url": jwks_uri})
    return parse_jwks(answer.json())
