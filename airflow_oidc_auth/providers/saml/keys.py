"""Our own keys: for signing what we send, and for reading what was encrypted for us."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import xmlsec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.saml.certificates import Certificate, read_certificate
from airflow_oidc_auth.providers.saml.names import DS, ECDSA_SHA256, RSA_SHA256, SAML, SIGNATURES, q
from airflow_oidc_auth.secret import Secret

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Signs what we send.

    The key is loaded once: OpenSSL looks at an RSA key for 40 ms, and anybody may begin a sign-in.

    :param algorithm: of XML Signature, with SHA-256 always
    """

    algorithm: str
    certificate: Certificate | None
    _pem: Secret = field(repr=False)
    _key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False, compare=False)

    def sign_text(self, text: str) -> str:
        """Sign the query of HTTP-Redirect (SAML Bindings §3.4.4.1); base64."""
        key = self._key
        if isinstance(key, rsa.RSAPrivateKey):
            return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
        return base64.b64encode(_to_raw(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())), key.key_size)).decode()

    def sign_element(self, element: etree._Element) -> None:
        """Put an enveloped signature behind the Issuer, or first where there is none (SAML Core §5.4)."""
        method = xmlsec.Transform.RSA_SHA256 if self.algorithm == RSA_SHA256 else xmlsec.Transform.ECDSA_SHA256
        signature = xmlsec.template.create(element, xmlsec.Transform.EXCL_C14N, method, ns="ds")
        reference = xmlsec.template.add_reference(signature, xmlsec.Transform.SHA256, uri=f"#{element.get('ID')}")
        xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
        xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
        if self.certificate is not None:
            data = etree.SubElement(xmlsec.template.ensure_key_info(signature), q(DS, "X509Data"))
            etree.SubElement(data, q(DS, "X509Certificate")).text = self.certificate.base64()
        has_issuer = len(element) > 0 and element[0].tag == q(SAML, "Issuer")
        element.insert(1 if has_issuer else 0, signature)
        context = xmlsec.SignatureContext()
        context.register_id(element, "ID")
        context.key = xmlsec.Key.from_memory(self._pem.reveal(), xmlsec.KeyFormat.PEM, None)
        context.sign(signature)


def load_signing_key(pem: Secret | None, certificate: str | None) -> SigningKey | None:
    """Return our key, None without one.

    :raises ProviderError: ``saml_key_unusable``
    """
    if pem is None:
        return None
    try:
        key = load_pem_private_key(pem.reveal().encode(), None)
        own = None if certificate is None else read_certificate(certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ProviderError("saml_key_unusable", "the key or its certificate cannot be read") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ProviderError("saml_key_unusable", "neither an RSA nor an EC key")
    if own is not None and own.public_key.public_numbers() != key.public_key().public_numbers():
        raise ProviderError("saml_key_unusable", "`certificate` belongs to another key than `signing_key`")
    return SigningKey(RSA_SHA256 if isinstance(key, rsa.RSAPrivateKey) else ECDSA_SHA256, own, pem, key)


def load_decryption_key(pem: Secret | None) -> rsa.RSAPrivateKey | None:
    """Return the key for encrypted assertions, None without one, or when the only key there is cannot decrypt."""
    if pem is None:
        return None
    try:
        key = load_pem_private_key(pem.reveal().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ProviderError("saml_key_unusable", "the decryption key cannot be read") from None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def verify_text(text: str, signature: bytes, algorithm: str, certificates: tuple[Certificate, ...]) -> bool:
    """Verify the signature of a query. The algorithm must be one of :data:`SIGNATURES`."""
    kind, digest = SIGNATURES[algorithm]
    return any(_verifies(each, text.encode(), signature, _HASHES[digest]) for each in certificates if each.kind == kind)


def _verifies(certificate: Certificate, text: bytes, signature: bytes, digest: hashes.HashAlgorithm) -> bool:
    key = certificate.public_key
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, text, padding.PKCS1v15(), digest)
        else:
            half = len(signature) // 2
            numbers = (int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
            key.verify(encode_dss_signature(*numbers), text, ec.ECDSA(digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def _to_raw(der: bytes, bits: int) -> bytes:
    """XML Signature spells ECDSA as two numbers of fixed length (RFC 4050 §3.3)."""
    size = (bits + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(der))
