"""X.509 certificates as SAML uses them: containers of keys, trusted because the metadata or a pin says so."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

_MIN_RSA_BITS = 2048
_MIN_EC_BITS = 256


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate.

    :param fingerprint: SHA-256 of the DER, lower-case hex
    :param kind: ``rsa`` or ``ecdsa``
    """

    fingerprint: str
    kind: str
    subject: str
    not_before: datetime
    not_after: datetime
    pem: bytes = field(repr=False)
    public_key: Any = field(repr=False)

    def base64(self) -> str:
        """Return the DER in base64, as metadata and ``KeyInfo`` spell it."""
        return "".join(self.pem.decode().strip().splitlines()[1:-1])


def read_certificate(text: str) -> Certificate:
    """Read a PEM certificate, or the base64 of its DER as in ``ds:X509Certificate``.

    :raises ValueError: it is none, or its key is too weak or of a kind that SAML signatures do not use
    """
    try:
        if "-----BEGIN" in text:
            found = x509.load_pem_x509_certificate(text.encode())
        else:
            found = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
        key = found.public_key()
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise ValueError("is not a certificate") from None
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _MIN_RSA_BITS:
            raise ValueError(f"holds an RSA key of fewer than {_MIN_RSA_BITS} bits")
        kind = "rsa"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < _MIN_EC_BITS:
            raise ValueError(f"holds an EC key of fewer than {_MIN_EC_BITS} bits")
        kind = "ecdsa"
    else:
        raise ValueError("holds neither an RSA nor an EC key")  # noqa: TRY004 -- one error type for callers
    return Certificate(
        fingerprint=found.fingerprint(SHA256()).hex(),
        kind=kind,
        subject=found.subject.rfc4514_string()[:200],
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        pem=found.public_bytes(Encoding.PEM),
        public_key=key,
    )
