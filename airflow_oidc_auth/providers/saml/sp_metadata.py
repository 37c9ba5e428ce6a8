"""Our own metadata, ready to upload (SAML Metadata §2.4.4)."""

from __future__ import annotations

import hashlib
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from airflow_oidc_auth.providers.saml.addresses import ServiceProvider
from airflow_oidc_auth.providers.saml.bindings import POST, REDIRECT
from airflow_oidc_auth.providers.saml.certificates import Certificate
from airflow_oidc_auth.providers.saml.keys import SigningKey
from airflow_oidc_auth.providers.saml.names import DS, MD, SAMLP, XENC, XENC11
from airflow_oidc_auth.providers.saml.untrusted import parse_own

MEDIA_TYPE = "application/samlmetadata+xml"
_CIPHERS = (XENC11 + "aes256-gcm", XENC11 + "aes128-gcm", XENC + "rsa-oaep-mgf1p")


def build_sp_metadata(
    own: ServiceProvider, *, name_id_formats: tuple[str, ...], key: SigningKey | None, encryption: Certificate | None
) -> bytes:
    """Return the document, the same bytes for the same settings (RSA), signed if there is a key.

    :param encryption: certificate to encrypt assertions for, or None
    """
    # Derived, so that the document does not change from one API server to the next.
    identifier = "_" + hashlib.sha256(own.entity_id.encode()).hexdigest()[:40]
    keys = _key("signing", key.certificate, ()) if key is not None and key.certificate is not None else ""
    if encryption is not None:
        keys += _key("encryption", encryption, _CIPHERS)
    logout = "".join(
        f'<md:SingleLogoutService Binding="{each}" Location={quoteattr(own.slo_url)}/>'
        for each in ((REDIRECT, POST) if key is not None else ())
    )
    formats = "".join(f"<md:NameIDFormat>{escape(each)}</md:NameIDFormat>" for each in name_id_formats)
    text = (
        f'<md:EntityDescriptor xmlns:md="{MD}" xmlns:ds="{DS}" ID="{identifier}" entityID={quoteattr(own.entity_id)}>'
        f'<md:SPSSODescriptor AuthnRequestsSigned="{"false" if key is None else "true"}" WantAssertionsSigned="true"'
        f' protocolSupportEnumeration="{SAMLP}">{keys}{logout}{formats}'
        f'<md:AssertionConsumerService Binding="{POST}" Location={quoteattr(own.acs_url)} index="0" isDefault="true"/>'
        "</md:SPSSODescriptor></md:EntityDescriptor>"
    )
    root = parse_own(text.encode())
    if key is not None:
        key.sign_element(root)
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return data


def _key(use: str, certificate: Certificate, methods: tuple[str, ...]) -> str:
    listed = "".join(f'<md:EncryptionMethod Algorithm="{each}"/>' for each in methods)
    return (
        f'<md:KeyDescriptor use="{use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate.base64()}'
        f"</ds:X509Certificate></ds:X509Data></ds:KeyInfo>{listed}</md:KeyDescriptor>"
    )
