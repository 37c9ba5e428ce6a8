"""Our own addresses, as the IdP must know them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """Who we are to one IdP. Made from ``[api] base_url`` alone, never from a request's Host header."""

    entity_id: str
    acs_url: str
    slo_url: str
    metadata_url: str


def service_provider(base_url: str, provider_id: str, entity_id: str = "") -> ServiceProvider:
    """Return our addresses for one provider.

    :param entity_id: empty takes the address of our metadata (SAML Metadata §4.1.1)
    """
    base = f"{base_url.rstrip('/')}/auth/saml/{provider_id}"
    metadata_url = f"{base}/metadata"
    return ServiceProvider(entity_id or metadata_url, f"{base}/acs", f"{base}/slo", metadata_url)
