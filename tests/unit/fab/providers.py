"""Compiled providers, as a configuration document would make them."""

from __future__ import annotations

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.providers.settings import ProviderSettings

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"
SETTINGS = {
    "okta": "preset: okta, issuer: https://acme.okta.com",
    "okta-test": "preset: okta, issuer: https://acme-test.okta.com",
    "google": "preset: google",
    "auth0": "preset: auth0, issuer: https://acme.eu.auth0.com",
    "keycloak": "preset: keycloak, issuer: https://sso.example.com/realms/acme",
    "github": "preset: github",
    "entra": f"preset: entra, issuer: https://login.microsoftonline.com/{TENANT}/v2.0",
    "entra-many": f"preset: entra, issuer: https://login.microsoftonline.com/organizations/v2.0, tenants: [{TENANT}]",
    "entra-domain": "preset: entra, issuer: https://login.microsoftonline.com/acme.example/v2.0",
    "gitlab": "preset: gitlab",
}


def document(*names: str, grants: str = "") -> str:
    """Return a document with these providers."""
    lines = [f"  {name}: {{{SETTINGS[name]}, client_id: x, client_secret: {{env: NOT_SET}}}}" for name in names]
    rule = "  rules: [{name: all, when: {group: staff}, roles: [Viewer]}]"
    return "\n".join(["version: 1", "providers:", *lines, "grants:", grants, rule])


def providers(*names: str) -> tuple[ProviderSettings, ...]:
    """Return the compiled providers."""
    compiled = compile_document(load_document(document(*names), source="test"), secrets=None, known_roles=None)
    return tuple(compiled.providers.values())
