"""Metadata of a SAML IdP: where people are sent, and whose signatures count."""

from __future__ import annotations

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.saml.metadata import parse_idp_metadata
from tests.fuzz.xml import WORDS as COMMON
from tests.fuzz.xml import filled
from tests.unit.providers.saml.making import IDP, NOW, make_settings

WORDS = (
    *COMMON,
    *("<md:EntityDescriptor ", "<md:EntitiesDescriptor ", "<md:IDPSSODescriptor ", "<md:KeyDescriptor ", "validUntil="),
    *(
        "<md:SingleSignOnService ",
        "<md:SingleLogoutService ",
        "Location=",
        "Binding=",
        "use=",
        '"signing"',
        "entityID=",
    ),
    *("javascript:alert(1)", "http://127.0.0.1/", "https://idp.example/", "cacheDuration=", "ResponseLocation="),
)
LARGEST = 8192


def run(data: bytes) -> None:
    """Read the document; ``%c`` is a certificate."""
    try:
        found = parse_idp_metadata(filled(data), make_settings(), NOW)
    except OidcAuthError:
        return
    assert found.entity_id == IDP
    assert found.certificates
    assert found.sign_on
    for url in (*found.sign_on.values(), *found.logout.values(), *found.logout_response.values()):
        assert url.lower().startswith("https://"), url
