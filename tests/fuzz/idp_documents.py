"""What an IdP publishes: discovery and keys. It is trusted with who people are, not with this server."""

from __future__ import annotations

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.discovery import fetch_metadata
from airflow_oidc_auth.providers.key_document import fetch_keys
from airflow_oidc_auth.providers.keys import VerificationKey
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS
from tests.unit.providers.making import ISSUER, make_settings
from tests.unit.providers.saml.making import FixedTransport

LARGEST = 8192
WORDS = (
    *('"keys":', '"kty":', '"RSA"', '"EC"', '"OKP"', '"oct"', '"n":', '"e":', '"AQAB"', '"crv":', '"P-256"', '"x":'),
    *('"y":', '"k":', '"d":', '"use":', '"sig"', '"enc"', '"key_ops":', '"alg":', '"kid":', '"Ed25519"', '"x5c":'),
    *('"issuer":', f'"{ISSUER}"', '"authorization_endpoint":', '"token_endpoint":', '"jwks_uri":', "null", "true"),
    *('"userinfo_endpoint":', '"http://127.0.0.1/"', '"file:///etc/passwd"', '"response_types_supported":', "[", "{"),
)


def run(data: bytes) -> None:
    """Read both documents out of the same bytes."""
    _discovery(data)
    _keys(data)


def _discovery(data: bytes) -> None:
    settings = make_settings()
    try:
        found = fetch_metadata(settings, FixedTransport(data), preset("oidc").accepts_discovery_issuer)
    except OidcAuthError:
        return
    assert found.issuer == ISSUER
    for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint):
        assert url is None or url.lower().startswith("https://"), url


def _keys(data: bytes) -> None:
    try:
        ring = fetch_keys(make_settings(), FixedTransport(data), f"{ISSUER}/jwks")
    except OidcAuthError:
        return
    for algorithm in (*ASYMMETRIC_ALGORITHMS, "HS256", "none"):
        for key in ring.candidates(algorithm, None):
            assert isinstance(key, VerificationKey)
            assert algorithm in ASYMMETRIC_ALGORITHMS
            assert key.key.key_type != "oct", "a shared secret as a public key"
