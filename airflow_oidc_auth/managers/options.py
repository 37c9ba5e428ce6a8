"""The ``[oidc_auth]`` section: names, help, and which of them are secret."""

from __future__ import annotations

from typing import Any

SECTION = "oidc_auth"
SINGLE_PROVIDER_OPTIONS = ("preset", "issuer", "client_id", "client_secret", "role_mapping")

_HELP: dict[str, tuple[str, str | None]] = {
    "config_file": (
        "Path of the YAML document with providers, grants, sessions and audit. Leave the other options of this "
        "section empty when it is set.",
        "/opt/airflow/config/oidc_auth.yaml",
    ),
    "preset": (
        "Which identity provider this is: oidc, auth0, okta, entra, keycloak, google, gitlab, cognito, "
        "cloudfoundry or github.",
        "okta",
    ),
    "issuer": (
        "Issuer URL of the identity provider, exactly as its discovery document spells it.",
        "https://acme.okta.com",
    ),
    "client_id": ("Client id that the identity provider gave to this Airflow.", "0oa1b2c3d4"),
    "client_secret": (
        "Client secret. Can also be given by command (client_secret_cmd) or secrets backend (client_secret_secret).",
        None,
    ),
    "role_mapping": (
        "JSON object from IdP group to Airflow role or list of roles. People in none of the groups are refused.",
        '{"airflow-admins": "Admin", "data": ["User"]}',
    ),
}


def provider_options() -> dict[str, Any]:
    """Return the section as ``get_provider_info`` documents it to Airflow."""
    options = {name: _option(name, text, example) for name, (text, example) in _HELP.items()}
    return {SECTION: {"description": "Single sign-on with airflow-oidc-auth.", "options": options}}


def _option(name: str, text: str, example: str | None) -> dict[str, Any]:
    option = {"description": text, "type": "string", "version_added": "0.1.0", "example": example, "default": None}
    return option | {"sensitive": True} if name == "client_secret" else option
