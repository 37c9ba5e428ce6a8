"""Decrypt an EncryptedAssertion (XML Encryption 1.1), within an allow-list.

One code for everything that can go wrong, and no detail: whoever can tell a wrong padding from a wrong key can
decrypt what is not theirs (Jager and Somorovsky, "How to Break XML Encryption").
"""

from __future__ import annotations

import base64
import binascii
from xml.sax.saxutils import quoteattr

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.saml.names import DS, SAML, XENC, XENC11, q
from airflow_oidc_auth.providers.saml.untrusted import parse_untrusted

_GCM = {XENC11 + f"aes{bits}-gcm": bits // 8 for bits in (128, 192, 256)}
_CBC = {XENC + f"aes{bits}-cbc": bits // 8 for bits in (128, 192, 256)}
# RSA 1.5 is left out for Bleichenbacher's attack. SHA-1 inside OAEP is what the specification takes unless something
# else is named, so that nearly every IdP uses it; it is no signature there, and collisions do not weaken it.
_OAEP = frozenset({XENC + "rsa-oaep-mgf1p", XENC11 + "rsa-oaep"})
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    DS + "sha1": hashes.SHA1,
    XENC + "sha256": hashes.SHA256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384,
    XENC + "sha512": hashes.SHA512,
    XENC11 + "mgf1sha1": hashes.SHA1,
    XENC11 + "mgf1sha256": hashes.SHA256,
    XENC11 + "mgf1sha384": hashes.SHA384,
    XENC11 + "mgf1sha512": hashes.SHA512,
}
_MAX_KEYS = 8


def decrypt_assertion(encrypted: etree._Element, key: RSAPrivateKey) -> etree._Element:
    """Return the Assertion inside; nothing of it is verified.

    :raises ProtocolViolation: ``saml_algorithm`` before anything is decrypted, ``saml_decryption_failed`` after
    """
    data = encrypted.find(q(XENC, "EncryptedData"))
    if data is None:
        raise ProtocolViolation("saml_decryption_failed")
    method = _method(data)
    wrapped = [
        *data.iterfind(f"{q(DS, 'KeyInfo')}/{q(XENC, 'EncryptedKey')}"),
        *encrypted.iterfind(q(XENC, "EncryptedKey")),
    ]
    if method not in (_GCM | _CBC) or any(_method(each) not in _OAEP for each in wrapped):
        named = [method, *(_method(each) for each in wrapped[:_MAX_KEYS])]
        raise ProtocolViolation("saml_algorithm", f"encrypted with {', '.join(each[:80] for each in named)}")
    for each in wrapped[:_MAX_KEYS]:
        _check_digests(each)
    try:
        clear = _decrypt(data, wrapped[:_MAX_KEYS], method, key)
        root = parse_untrusted(_in_context(clear, encrypted))
    except (ValueError, InvalidTag, UnsupportedAlgorithm, ProtocolViolation):  # the last but one: OpenSSL in FIPS mode
        raise ProtocolViolation("saml_decryption_failed") from None
    if len(root) != 1 or root[0].tag != q(SAML, "Assertion"):
        raise ProtocolViolation("saml_decryption_failed")
    return root[0]


def _in_context(clear: bytes, encrypted: etree._Element) -> bytes:
    """Some IdPs leave namespace declarations outside of what they encrypt."""
    declared = "".join(
        f" xmlns{':' + prefix if prefix else ''}={quoteattr(uri)}" for prefix, uri in encrypted.nsmap.items()
    )
    return b"<clear" + declared.encode() + b">" + clear + b"</clear>"


def _decrypt(data: etree._Element, wrapped: list[etree._Element], method: str, key: RSAPrivateKey) -> bytes:
    sealed = _cipher_value(data)
    size = (_GCM | _CBC)[method]
    for each in wrapped:
        try:
            secret = key.decrypt(_cipher_value(each), _oaep(each))
        except ValueError:  # encrypted for another recipient
            continue
        if len(secret) == size:
            return _open(method, secret, sealed)
    raise ValueError("no key is for us")


def _open(method: str, secret: bytes, sealed: bytes) -> bytes:
    if method in _GCM:
        return AESGCM(secret).decrypt(sealed[:12], sealed[12:], None)
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(sealed[:16])).decryptor()
    padded = decryptor.update(sealed[16:]) + decryptor.finalize()
    if not padded or not 1 <= padded[-1] <= 16:
        raise ValueError("padding")
    return padded[: -padded[-1]]  # XML Encryption §5.2.1: only the last byte of the padding has a meaning


def _oaep(encrypted_key: etree._Element) -> padding.OAEP:
    method = encrypted_key.find(q(XENC, "EncryptionMethod"))
    digest, mask = _named(method, q(DS, "DigestMethod")), _named(method, q(XENC11, "MGF"))
    # The older name fixes SHA-1 for the mask, whatever the digest.
    mask_hash = _HASHES[mask] if mask and _method(encrypted_key) == XENC11 + "rsa-oaep" else hashes.SHA1
    return padding.OAEP(padding.MGF1(mask_hash()), (_HASHES[digest] if digest else hashes.SHA1)(), None)


def _check_digests(encrypted_key: etree._Element) -> None:
    method = encrypted_key.find(q(XENC, "EncryptionMethod"))
    for tag in (q(DS, "DigestMethod"), q(XENC11, "MGF")):
        if (named := _named(method, tag)) and named not in _HASHES:
            raise ProtocolViolation("saml_algorithm", f"the key is encrypted with {named[:100]}")


def _named(method: etree._Element | None, tag: str) -> str:
    found = method.find(tag) if method is not None else None
    return (found.get("Algorithm") or "") if found is not None else ""


def _method(element: etree._Element) -> str:
    found = element.find(q(XENC, "EncryptionMethod"))
    return (found.get("Algorithm") or "") if found is not None else ""


def _cipher_value(element: etree._Element) -> bytes:
    """Only what is in the message: a CipherReference would make us fetch."""
    text = element.findtext(f"{q(XENC, 'CipherData')}/{q(XENC, 'CipherValue')}")
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except binascii.Error:
        raise ValueError("base64") from None
