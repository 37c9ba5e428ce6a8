"""What is wrong with a private key that the document refers to; never a word of the key itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_oidc_auth.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

LEAST_BITS = 2048
"""Of an RSA key (RFC 7518 §3.3)."""


def client_key_problem(secret: Secret) -> str:
    """Say why the key cannot sign for ``private_key_jwt``; empty if it can."""
    return _problem(secret, ed25519=True)


def saml_key_problem(secret: Secret) -> str:
    """Say why the key cannot sign XML; empty if it can."""
    return _problem(secret, ed25519=False)


def _problem(secret: Secret, *, ed25519: bool) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(secret.reveal().encode(), password=None)
    except TypeError:
        return "is a private key with a passphrase"
    except (ValueError, UnsupportedAlgorithm):
        return "is not a private key"
    return _problem_of_kind(key, ed25519=ed25519)


def _problem_of_kind(key: PrivateKeyTypes, *, ed25519: bool) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(key, RSAPrivateKey):
        return f"is an RSA key of less than {LEAST_BITS} bits" if key.key_size < LEAST_BITS else ""
    if isinstance(key, EllipticCurvePrivateKey) or (ed25519 and isinstance(key, Ed25519PrivateKey)):
        return ""
    return "is neither an RSA, an EC nor an Ed25519 key" if ed25519 else "is neither an RSA nor an EC key"
