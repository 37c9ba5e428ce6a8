"""JSON Web Signatures in compact form (RFC 7515): parse, then verify. Sans-IO.

Trust is in the types: :class:`UnverifiedToken` is what somebody sent, :class:`SignedClaims` is what a key of
the IdP vouches for. Header members that point at keys (``jku``, ``jwk``, ``x5u``, ``x5c``) are never looked at.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.frozen import constructor_of
from airflow_oidc_auth.providers.keys import VerificationKey
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS
from airflow_oidc_auth.providers.strict_json import load_json

MAX_TOKEN = 256 * 1024
_MAX_HEADER = 16 * 1024
_MAX_CANDIDATES = 16
# base64url as base64. What is only in the second becomes what is in neither: one token has one spelling.
_STANDARD = bytes.maketrans(b"-_+/", b"+/..")


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token as it came; nothing in it may be believed yet."""

    header: Mapping[str, object] = field(repr=False)
    claims: Mapping[str, object] = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def algorithm(self) -> str:
        """``alg`` as text; empty when it is none."""
        alg = self.header.get("alg")
        return alg if isinstance(alg, str) else ""

    @property
    def kid(self) -> str | None:
        """``kid``, if there is one."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """Claims under a signature that one of the IdP's keys verifies. Not yet checked to be meant for us.

    :param algorithm: of the signature; ``at_hash`` follows from it
    :param typ: what the header calls the token (RFC 7515 §4.1.9), None if it does not
    """

    claims: Mapping[str, object] = field(repr=False)
    algorithm: str
    typ: object = None


_unverified, _signed = constructor_of(UnverifiedToken), constructor_of(SignedClaims)


def parse_token(text: str) -> UnverifiedToken:
    """Split and decode a compact JWS.

    :raises ProtocolViolation: ``id_token_malformed``, ``id_token_too_large``
    :raises ProviderError: ``id_token_encrypted`` for a JWE (RFC 7516)
    """
    if len(text) > MAX_TOKEN:
        raise ProtocolViolation("id_token_too_large", f"a token of {len(text)} characters")
    # What is not ASCII is not base64url, and neither is what replaces it.
    encoded = text.encode("ascii", "replace")
    parts = encoded.split(b".")
    if len(parts) == 5:
        raise ProviderError("id_token_encrypted", "the token is a JWE")
    if len(parts) != 3 or len(parts[0]) > _MAX_HEADER:
        raise ProtocolViolation("id_token_malformed", "the token is no compact JWS")
    header, claims = _read_header(parts[0]), _object(parts[1], "payload")
    return _unverified(header, claims, encoded[: -len(parts[2]) - 1], _decode(parts[2], "signature"))


@lru_cache(maxsize=64)
def _read_header(part: bytes) -> Mapping[str, object]:
    """Decode a header; those of one key's tokens are all the same."""
    header = _object(part, "header")
    for name in ("crit", "b64"):  # RFC 7515 §4.1.11: what is critical and not understood ends it
        if name in header:
            raise ProtocolViolation("id_token_malformed", f"the header has {name!r}")
    if "kid" in header and not isinstance(header["kid"], str):
        raise ProtocolViolation("id_token_malformed", "kid is no text")
    return MappingProxyType(header)


def verify_signature(
    token: UnverifiedToken,
    algorithms: Sequence[str],
    candidates: Callable[[str, str | None], Iterable[VerificationKey]],
    refresh: Callable[[], object],
) -> SignedClaims:
    """Verify with the IdP's published keys.

    :param algorithms: the configured allow-list; discovery has no say in it
    :param candidates: keys that fit an algorithm and a ``kid``
    :param refresh: fetch the keys again, if allowed now
    :raises ProtocolViolation: ``id_token_algorithm``, ``id_token_key_unknown``, ``id_token_signature``
    """
    check_algorithm(token, algorithms)
    keys = tuple(candidates(token.algorithm, token.kid))
    if signed := verified_by(token, keys):
        return signed
    # An unknown kid, or no kid (or one that is used again) after a rotation. Look again even if no fetch was
    # allowed now: another thread's may have just brought the key.
    refresh()
    keys = tuple(candidates(token.algorithm, token.kid))
    if signed := verified_by(token, keys):
        return signed
    raise unverified_error(token, keys)


def check_algorithm(token: UnverifiedToken, algorithms: Sequence[str]) -> None:
    """Refuse what is not in the configured allow-list.

    :raises ProtocolViolation: ``id_token_algorithm``
    """
    alg = token.algorithm
    # Both lists: a configuration that names HS256 by mistake would make every public key a signing key.
    if alg not in algorithms or alg not in ASYMMETRIC_ALGORITHMS:
        raise ProtocolViolation(
            "id_token_algorithm",
            f"alg {alg[:20]!r} is not among {', '.join(algorithms)}",
            evidence={"alg": alg[:20], "accepted": tuple(algorithms)},
        )


def verified_by(token: UnverifiedToken, keys: Sequence[VerificationKey]) -> SignedClaims | None:
    """Return the claims if one of the keys verifies the signature; the algorithm was checked before."""
    algorithm = token.algorithm
    for key in keys[:_MAX_CANDIDATES]:
        if key.fits(algorithm) and _verifies(token, algorithm, key):
            return _signed(token.claims, algorithm, token.header.get("typ"))
    return None


def unverified_error(token: UnverifiedToken, keys: Sequence[VerificationKey]) -> ProtocolViolation:
    """Return why no key verifies the signature: there is none of that name, or those that are say no."""
    kid = (token.kid or "")[:64]
    if not keys:
        detail = f"no published key for kid {kid!r} and {token.algorithm}"
        return ProtocolViolation("id_token_key_unknown", detail, evidence={"kid": kid, "alg": token.algorithm})
    return ProtocolViolation("id_token_signature", f"{len(keys)} keys tried", evidence={"kid": kid})


def _verifies(token: UnverifiedToken, algorithm: str, key: VerificationKey) -> bool:
    """Ask the library; that the key is one for this algorithm was checked before."""
    try:
        return JWSRegistry.algorithms[algorithm].verify(token.signing_input, token.signature, key.key)
    except (JoseError, ValueError):
        return False


def _object(part: bytes, what: str) -> dict[str, object]:
    try:
        document = load_json(_decode(part, what))
    except ValueError:
        raise ProtocolViolation("id_token_malformed", f"the {what} is no JSON") from None
    if not isinstance(document, dict):
        raise ProtocolViolation("id_token_malformed", f"the {what} is no object")
    return document


def _decode(part: bytes, what: str) -> bytes:
    """Decode strictly: lenient base64 gives one signature many spellings.

    Python's decoder passes over characters that it does not know, padding and the last bits that no byte takes. So
    only the one spelling counts that its encoder gives back.
    """
    standard = part.translate(_STANDARD)
    try:
        decoded = binascii.a2b_base64(standard + b"==")
    except binascii.Error:
        decoded = b""
    if binascii.b2a_base64(decoded, newline=False).rstrip(b"=") != standard:
        raise ProtocolViolation("id_token_malformed", f"the {what} is no base64url")
    return decoded
