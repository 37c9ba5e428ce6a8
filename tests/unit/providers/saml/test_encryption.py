"""What may be inside an EncryptedAssertion, and how its key may be encrypted."""

from __future__ import annotations

import base64
import os

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.saml.names import DS, SAML, XENC, XENC11, q
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.saml.making import (
    ATTEMPT,
    SUBJECT,
    Parts,
    assertion_xml,
    build,
    form,
    key_pair,
    make_provider,
    make_settings,
    sign,
)

PRIVATE = load_pem_private_key(key_pair("sp").key.encode(), None)
HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha512": hashes.SHA512()}
DIGESTS = {
    "sha1": f"{DS}sha1",
    "sha256": f"{XENC}sha256",
    "sha512": f"{XENC}sha512",
}
OLD, NEW = f"{XENC}rsa-oaep-mgf1p", f"{XENC11}rsa-oaep"
GCM = f"{XENC11}aes256-gcm"


def signed_assertion():
    assertion = etree.fromstring(assertion_xml(Parts()))
    sign(assertion)
    return etree.tostring(assertion)


def key_xml(secret, method=OLD, digest="sha1", mask="sha1"):
    sealed = PRIVATE.public_key().encrypt(secret, padding.OAEP(padding.MGF1(HASHES[mask]), HASHES[digest], None))
    named = "" if digest == "sha1" else f'<ds:DigestMethod Algorithm="{DIGESTS[digest]}"/>'
    if method == NEW:
        named += f'<x:MGF xmlns:x="{XENC11}" Algorithm="{XENC11}mgf1{mask}"/>'
    return (
        f'<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{method}">{named}</xenc:EncryptionMethod>'
        f"<xenc:CipherData><xenc:CipherValue>{base64.b64encode(sealed).decode()}</xenc:CipherValue></xenc:CipherData>"
        "</xenc:EncryptedKey>"
    )


def sealed(clear, secret, keys, cipher=GCM, beside=""):
    """Put bytes of our choice into a response."""
    nonce = os.urandom(12)
    value = base64.b64encode(nonce + AESGCM(secret).encrypt(nonce, clear, None)).decode()
    place = etree.fromstring(
        f'<saml:EncryptedAssertion xmlns:saml="{SAML}" xmlns:xenc="{XENC}" xmlns:ds="{DS}"><xenc:EncryptedData>'
        f'<xenc:EncryptionMethod Algorithm="{cipher}"/><ds:KeyInfo>{keys}</ds:KeyInfo><xenc:CipherData>'
        f"<xenc:CipherValue>{value}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>{beside}"
        "</saml:EncryptedAssertion>"
    )

    def replace(root):
        root.replace(root.find(q(SAML, "Assertion")), place)

    return build(signed="none", tamper=replace)


def outcome(data):
    provider = make_provider(make_settings(decryption_key=Secret(key_pair("sp").key)))
    try:
        return provider.complete(ATTEMPT, form(data)).identity.subject
    except OidcAuthError as error:
        return error.code


SECRET = bytes(range(32))


@pytest.mark.parametrize(
    "method, digest, mask",
    [(OLD, "sha1", "sha1"), (OLD, "sha256", "sha1"), (NEW, "sha256", "sha256"), (NEW, "sha512", "sha256")],
)
def test_takes_the_usual_ways_to_encrypt_a_key(method, digest, mask):
    """The older name fixes SHA-1 for the mask, whatever the digest."""
    assert outcome(sealed(signed_assertion(), SECRET, key_xml(SECRET, method, digest, mask))) == SUBJECT


@pytest.mark.parametrize("name", [f"{XENC}sha256", f"{XENC11}mgf1sha256"])
@pytest.mark.parametrize("weak", ["http://www.w3.org/2001/04/xmldsig-more#md5", f"{XENC11}mgf1md5", "urn:x"])
def test_refuses_weak_digests_of_a_key_before_anything_is_decrypted(name, weak):
    named = key_xml(SECRET, NEW, "sha256", "sha256")
    assert outcome(sealed(signed_assertion(), SECRET, named)) == SUBJECT
    assert outcome(sealed(signed_assertion(), SECRET, named.replace(name, weak))) == "saml_algorithm"


@pytest.mark.parametrize("cipher", [f"{XENC}tripledes-cbc", f"{XENC}aes256-ecb", f"{XENC}kw-aes256", ""])
def test_refuses_other_ciphers(cipher):
    assert outcome(sealed(signed_assertion(), SECRET, key_xml(SECRET), cipher)) == "saml_algorithm"


def test_finds_the_key_beside_the_data_and_among_those_of_other_recipients():
    assert outcome(sealed(signed_assertion(), SECRET, "", beside=key_xml(SECRET))) == SUBJECT
    foreign = key_xml(SECRET).replace("CipherValue>", "CipherValue>AAAA", 1)
    assert outcome(sealed(signed_assertion(), SECRET, foreign * 7 + key_xml(SECRET))) == SUBJECT


def test_tries_a_few_keys_only():
    """Each costs a private-key operation, and nobody has vouched for any of them."""
    foreign = key_xml(SECRET).replace("CipherValue>", "CipherValue>AAAA", 1)
    assert outcome(sealed(signed_assertion(), SECRET, foreign * 8 + key_xml(SECRET))) == "saml_decryption_failed"


@pytest.mark.parametrize(
    "clear",
    [
        b"",
        b"not xml",
        b"<!DOCTYPE x [<!ENTITY e 'y'>]>" + signed_assertion(),
        b"<!---->" + signed_assertion(),
        signed_assertion() * 2,
        signed_assertion() + f'<x xmlns="{SAML}" ID="_more"/>'.encode(),
        f'<saml:EncryptedAssertion xmlns:saml="{SAML}"/>'.encode(),
        f'<saml:Advice xmlns:saml="{SAML}">'.encode() + signed_assertion() + b"</saml:Advice>",
        b"</clear>" + signed_assertion() + b"<clear>",
        signed_assertion().replace(SUBJECT.encode(), b"evil"),
        assertion_xml(Parts()).encode(),
        b"<a>" * 5000 + b"</a>" * 5000,
        b"<a/>" * 30_000,
        b"\xff\xfe" + signed_assertion().decode().encode("utf-16-le"),
    ],
    ids=[
        "empty",
        "text",
        "doctype",
        "comment",
        "two",
        "more",
        "encrypted again",
        "inside",
        "out of its place",
        "changed",
        "unsigned",
        "deep",
        "many",
        "utf-16",
    ],
)
def test_refuses_everything_but_one_signed_assertion_with_one_code(clear):
    """Anybody can encrypt for us; whoever learnt what is inside somebody else's cipher text would have an oracle."""
    assert outcome(sealed(clear, SECRET, key_xml(SECRET))) == "saml_decryption_failed"


@pytest.mark.parametrize("size", [0, 16, 31])
def test_refuses_a_key_of_another_length(size):
    assert outcome(sealed(signed_assertion(), SECRET, key_xml(SECRET[:size]))) == "saml_decryption_failed"
