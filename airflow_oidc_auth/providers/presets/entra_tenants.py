"""Entra ID's clouds, tenants and issuers: which spelling belongs to which tenant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHARED_TENANTS = frozenset({"common", "organizations"})
TEMPLATE = "{tenantid}"


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Microsoft's clouds.

    :param login: host of sign-in, the first spelling is the canonical one
    :param sts: host of v1 issuers
    :param graph: Microsoft Graph
    """

    name: str
    login: tuple[str, ...]
    sts: str
    graph: str


CLOUDS = (
    Cloud(
        "public", ("login.microsoftonline.com", "login.windows.net"), "sts.windows.net", "https://graph.microsoft.com"
    ),
    Cloud("usgov", ("login.microsoftonline.us",), "sts.windows.net", "https://graph.microsoft.us"),
    Cloud(
        "china",
        ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
        "sts.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn",
    ),
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """What an issuer address says.

    :param name: tenant id, domain, ``common`` or ``organizations``; lower case
    :param is_v1: the v1 form, ``https://sts.windows.net/{id}/``
    """

    cloud: Cloud
    name: str
    is_v1: bool = False

    @property
    def is_id(self) -> bool:
        """True if the tenant is named by its id."""
        return GUID.fullmatch(self.name) is not None

    @property
    def is_shared(self) -> bool:
        """True for the endpoints that many tenants share."""
        return self.name in SHARED_TENANTS


def parse_issuer(issuer: str, cloud: str | None = None) -> Tenant | None:
    """Read an issuer as people write it: with or without ``/v2.0``, with or without a trailing slash.

    :param cloud: name of the configured cloud, which decides between the clouds that share a v1 host
    """
    parts = urlsplit(issuer)
    segments = [segment for segment in parts.path.split("/") if segment]
    if parts.scheme != "https" or len(segments) not in (1, 2) or segments[1:] not in ([], ["v2.0"]):
        return None
    name = segments[0].lower()
    for candidate in CLOUDS:
        if cloud not in (None, candidate.name):
            continue
        if parts.netloc.lower() in candidate.login:
            return Tenant(candidate, name)
        if parts.netloc.lower() == candidate.sts and len(segments) == 1:
            return Tenant(candidate, name, is_v1=True)
    return None


def v2_issuer(login_host: str, tenant: str) -> str:
    """``iss`` of v2.0 tokens."""
    return f"https://{login_host}/{tenant}/v2.0"


def v1_issuer(sts_host: str, tenant: str) -> str:
    """``iss`` of v1.0 tokens."""
    return f"https://{sts_host}/{tenant}/"


def tenant_of(template: str, issuer: str) -> str | None:
    """Return the tenant id that turns a template into this issuer, or None."""
    before, _, after = template.partition(TEMPLATE)
    if not (issuer.startswith(before) and issuer.endswith(after)):
        return None
    name = issuer[len(before) : len(issuer) - len(after)]
    return name if GUID.fullmatch(name) else None
