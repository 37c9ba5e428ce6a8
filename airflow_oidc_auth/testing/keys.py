"""The fake IdP's keys, and signing with them — honestly and otherwise."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey


def base64url(data: bytes) -> str:
    """RFC 7515 §2."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def encode_segment(value: object) -> str:
    """One JSON segment of a compact JWS."""
    return base64url(json.dumps(value, separators=(",", ":")).encode())


def at_hash(access_token: str, algorithm: str) -> str:
    """OIDC Core §3.1.3.6: left half of the hash that belongs to the algorithm."""
    name = "sha512" if algorithm == "EdDSA" else f"sha{algorithm[2:]}"
    digest = hashlib.new(name, access_token.encode("ascii")).digest()
    return base64url(digest[: len(digest) // 2])


class SigningKeys:
    """One current key per key type; rotation publishes new ones and forgets the old."""

    def __init__(self, algorithm: str = "RS256") -> None:
        self.algorithm = algorithm
        self._keys: dict[str, Key] = {}
        self._foreign: RSAKey | None = None
        # Two requests at once must not make two first keys, of which one was published and the other signs.
        self._lock = threading.RLock()

    def key_for(self, algorithm: str) -> Key:
        """Return the current key for a JWS algorithm, made at first use."""
        kind = algorithm[:2]
        family = {"RS": "RSA", "PS": "RSA", "ES": algorithm, "Ed": "OKP"}[kind]
        with self._lock:
            if family not in self._keys:
                self._keys[family] = _generate(family)
            return self._keys[family]

    def rotate(self) -> None:
        """Drop every key; the next token is signed by a new one with a new ``kid``."""
        with self._lock:
            self._keys.clear()

    def public_keys(self) -> list[dict[str, Any]]:
        """Return the public JWKs, RFC 7517."""
        with self._lock:
            self.key_for(self.algorithm)
            return [_published(key) for key in self._keys.values()]

    def foreign_key(self) -> RSAKey:
        """Return a key that is never published."""
        if self._foreign is None:
            self._foreign = _generate("RSA")
        return self._foreign


def new_rsa_jwk() -> dict[str, Any]:
    """Return the public half of a new RSA key."""
    return _published(_generate("RSA"))


def _generate(family: str) -> Any:
    parameters: Any = {"kid": secrets.token_hex(6), "use": "sig"}
    if family == "RSA":
        return RSAKey.generate_key(2048, parameters)
    if family == "OKP":
        return OKPKey.generate_key("Ed25519", parameters)
    curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[family]
    return ECKey.generate_key(curve, parameters)


def _published(key: Key) -> dict[str, Any]:
    return {**key.as_dict(private=False), "use": "sig"}


def sign(header: Mapping[str, object], claims: Mapping[str, object], key: Key) -> str:
    """Return a compact JWS over the claims; ``alg`` is the header's.

    Below the library's front door, which refuses to sign some headers that an attacker would send.
    """
    signing_input = f"{encode_segment(header)}.{encode_segment(claims)}"
    signature = jws.JWSRegistry.algorithms[str(header["alg"])].sign(signing_input.encode(), key)
    return f"{signing_input}.{base64url(signature)}"


def sign_hmac(header: Mapping[str, object], claims: Mapping[str, object], secret: bytes) -> str:
    """Return an HS256 token: what an attacker makes of a public key or a leaked client secret."""
    signing_input = f"{encode_segment(header)}.{encode_segment(claims)}"
    return f"{signing_input}.{base64url(hmac.new(secret, signing_input.encode(), hashlib.sha256).digest())}"
