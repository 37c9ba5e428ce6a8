"""Which spellings of ``iss`` in an authorization response are the IdP that was asked (RFC 9207)."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.settings import ProviderSettings

TENANT = "{tenantid}"


def accepts_response_issuer(settings: ProviderSettings, metadata: ProviderMetadata, iss: str) -> bool:
    """True for the configured and the discovered issuer, and for what fits a multi-tenant template."""
    return iss in (settings.issuer, *settings.issuer_aliases, metadata.issuer) or fits_template(metadata.issuer, iss)


def fits_template(template: str, iss: str) -> bool:
    """True if ``iss`` is the template with one plain path segment for the tenant."""
    before, placeholder, after = template.partition(TENANT)
    if not placeholder or len(iss) <= len(before) + len(after):
        return False
    tenant = iss[len(before) : len(iss) - len(after)]
    return iss.startswith(before) and iss.endswith(after) and tenant.replace("-", "").isalnum() and tenant.isascii()


def same_tenant(template: str, iss: str | None, claims: Mapping[str, object]) -> bool:
    """True unless a templated ``iss`` names another tenant than the id_token's ``tid``."""
    if iss is None or not fits_template(template, iss):
        return True
    return iss == template.replace(TENANT, str(claims.get("tid")))
