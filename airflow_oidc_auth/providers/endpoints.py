"""Which addresses anything may be sent to."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from airflow_oidc_auth.errors import ProviderError

_MAX_URL = 2048


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses, the only ones that need no TLS (RFC 8252 §7.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(url: str) -> SplitResult:
    """Refuse everything but https, and http on the loopback.

    :raises ProviderError: ``provider_url_insecure``
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _insecure("an address is no URL") from None
    if not host or len(url) > _MAX_URL or any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise _insecure("an address is no URL")
    if parts.username is not None or parts.password is not None:
        raise _insecure(f"an address on {host} holds a user name")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise _insecure(f"{parts.scheme}://{host} is not https")
    return parts


def check_endpoint(url: str, issuer: str) -> str:
    """Accept an endpoint of a discovery document: plain http only if the issuer itself is plain http.

    A document that points the token endpoint at a foreign plain-http host would make us send the code and
    the client secret in the clear.
    """
    parts = check_url(url)
    if parts.scheme == "http" and urlsplit(issuer).scheme != "http":
        raise _insecure(f"{parts.scheme}://{parts.hostname} is not https although the issuer is")
    if parts.fragment:
        raise _insecure(f"an address on {parts.hostname} has a fragment")  # RFC 6749 §3.1
    return url


def _insecure(detail: str) -> ProviderError:
    return ProviderError("provider_url_insecure", detail)
