"""Logout messages of a SAML IdP by form and by address. The first byte picks the way: ``f``, ``q`` or a raw query."""

from __future__ import annotations

import base64
import zlib
from functools import cache
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.saml.bindings import LogoutMessage
from airflow_oidc_auth.providers.saml.names import RSA_SHA256
from airflow_oidc_auth.providers.saml.provider import SamlProvider
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.web.query import read_pairs
from tests.fuzz.xml import WORDS as COMMON
from tests.fuzz.xml import compose
from tests.unit.providers.saml.making import SUBJECT, key_pair, make_provider, make_settings
from tests.unit.providers.saml.test_logout import REQUEST, by_redirect, request

LARGEST = 8192
WORDS = (
    *COMMON,
    *("<samlp:LogoutRequest ", "<samlp:LogoutResponse ", "<samlp:SessionIndex>", "<samlp:Status>", "&SigAlg=", "%3D"),
    *("&Signature=", "SAMLRequest=", "SAMLResponse=", "&RelayState=", "&SAMLEncoding=", "%g", "SAML%52equest"),
)


@cache
def _provider() -> SamlProvider:
    keys = key_pair("sp")
    return make_provider(make_settings(signing_key=Secret(keys.key), certificate=keys.certificate))


@cache
def _genuine_query() -> bytes:
    return by_redirect(request()).raw_query.encode()


@cache
def _key() -> RSAPrivateKey:
    key = load_pem_private_key(key_pair().key.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def run(data: bytes) -> None:
    """Hand over the message that these bytes stand for, as a request and as an answer."""
    way, rest = data[:1], data[1:]
    signed = way == b"q"
    # What it costs to sign is not what is looked at.
    message = compose(rest, "") if way == b"f" else None
    for name in ("SAMLRequest", "SAMLResponse"):
        if message is not None:
            signed = message.signed is not None
            sent = LogoutMessage({name: base64.b64encode(message.xml).decode()})
        elif way == b"q":
            sent = _read(_signed_query(rest, name))
        else:
            sent = _read(data.replace(b"%g", _genuine_query()))
        _deliver(sent, signed=signed)


def _deliver(sent: LogoutMessage | None, *, signed: bool) -> None:
    if sent is None:
        return
    try:
        asked = _provider().answer_logout_request(sent)
    except OidcAuthError:
        pass
    else:
        assert signed or asked.name_id == SUBJECT, "ends sessions of somebody whom nobody named"
        assert asked.name_id.strip()
    try:
        answered = _provider().complete_logout(sent, request_id=REQUEST)
    except OidcAuthError:
        return
    assert signed, "believed an answer that nobody signed"
    assert isinstance(answered, bool)


def _read(query: bytes) -> LogoutMessage | None:
    try:
        return LogoutMessage(read_pairs(query), query.decode("ascii"))
    except OidcAuthError:
        return None


def _signed_query(xml: bytes, name: str) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    packed = base64.b64encode(packer.compress(xml) + packer.flush()).decode()
    text = f"{name}={quote(packed, safe='')}&SigAlg={quote(RSA_SHA256, safe='')}"
    made = _key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}&Signature={quote(base64.b64encode(made).decode(), safe='')}".encode()
