"""Keys of the chain: Ed25519 (RFC 8037), named by their thumbprint (RFC 7638)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from airflow_oidc_auth.audit.chain.row import decode, encode
from airflow_oidc_auth.audit.chain.statement import TYPE, NoStatement, Statement, read_statement
from airflow_oidc_auth.secret import Secret

ALGORITHM = "EdDSA"
Jwk = dict[str, str]


class BadKey(ValueError):
    """The key cannot be used; the text says why and shows nothing of it."""


class SigningKey:
    """The private key of a deployment. Thread-safe.

    :param pem: PKCS#8, not encrypted
    :raises BadKey: it is no such key
    """

    def __init__(self, pem: Secret) -> None:
        try:
            key = load_pem_private_key(pem.reveal().encode("utf-8"), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # Not chained: the message may quote what was read.
            raise BadKey("is no PEM private key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKey("is not an Ed25519 key")
        self._key = key
        self.public = public_jwk(key.public_key())

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"

    @property
    def kid(self) -> str:
        """The name of the key."""
        return self.public["kid"]

    def sign(self, statement: Statement) -> str:
        """Return the statement as a compact JWS."""
        header = json.dumps({"alg": ALGORITHM, "kid": self.kid, "typ": TYPE}, separators=(",", ":"))
        signed = f"{encode(header.encode('ascii'))}.{encode(statement.payload())}"
        return f"{signed}.{encode(self._key.sign(signed.encode('ascii')))}"


class TrustedKeys:
    """The public keys that a verifier believes.

    :param keys: of a JWK Set; those of other kinds are passed over. ``exp`` is when a key was given up, epoch seconds:
        what it signed about later times is not believed, for a thief may have it
    """

    def __init__(self, keys: Iterable[Mapping[str, object]]) -> None:
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._ends: dict[str, int] = {}
        for each in keys:
            if (key := read_public(each)) is not None:
                kid = public_jwk(key)["kid"]
                self._keys[kid] = key
                if isinstance(end := each.get("exp"), int):
                    self._ends[kid] = min(end, self._ends.get(kid, end))

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def for_ever(self) -> bool:
        """None of them was given up: a signature vouches for all that it follows."""
        return not self._ends

    def jwks(self) -> dict[str, Sequence[Mapping[str, object]]]:
        """Return them as a JWK Set."""
        ends = ({"exp": self._ends[kid]} if kid in self._ends else {} for kid in self._keys)
        return {"keys": [{**public_jwk(key), **end} for key, end in zip(self._keys.values(), ends, strict=True)]}

    def complaint(self, text: str) -> str:
        """Return what is wrong with the signature of a statement; empty for nothing."""
        try:
            signed, _, signature = text.rpartition(".")
            header = json.loads(decode(signed.split(".")[0]))
            if not isinstance(header, dict) or header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
                return "it is no signed statement"
            key = self._keys.get(str(header.get("kid")))
            if key is None:
                return f"it is signed with an unknown key ({str(header.get('kid'))[:43]})"
            key.verify(decode(signature), signed.encode("ascii"))
            end = self._ends.get(str(header["kid"]))
            return "its key was given up before" if end is not None and _is_later(text, end) else ""
        except InvalidSignature:
            return "its signature is wrong"
        except (ValueError, RecursionError):
            return "it is no signed statement"


def public_jwk(key: Ed25519PublicKey) -> Jwk:
    """Return a public key as a JWK."""
    x = encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    named = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    kid = encode(sha256(named.encode("ascii")).digest())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": ALGORITHM}


def read_public(jwk: Mapping[str, object]) -> Ed25519PublicKey | None:
    """Return the key of a JWK, None for one of another kind."""
    if not isinstance(jwk, Mapping) or jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        return None
    try:
        return Ed25519PublicKey.from_public_bytes(decode(str(jwk.get("x"))))
    except ValueError:
        return None


def read_jwks(data: bytes) -> Sequence[Mapping[str, object]]:
    """Return the keys of a JWK Set that can be used here.

    :raises BadKey: it is no JWK Set, or none of its keys is an Ed25519 one
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise BadKey("is not a JWK Set (a JSON object with `keys`)")
    usable = [each for each in keys if isinstance(each, dict) and read_public(each) is not None]
    if not usable:
        raise BadKey("holds no Ed25519 key")
    if not all(type(each.get("exp", 0)) is int for each in usable):
        raise BadKey("holds a key whose `exp` is no whole number of seconds")
    return usable


def _is_later(text: str, end: int) -> bool:
    try:
        statement = read_statement(text)
    except NoStatement:
        return True
    return statement.at > end or statement.ended > end * 1_000_000
