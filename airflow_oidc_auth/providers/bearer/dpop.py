"""Proofs that whoever sends a token holds its key (RFC 9449 §4.3). Sans-IO.

A proof is signed by the key that it carries: by itself it says nothing of who sent it. It counts because the token, or
the request for one, names that key by its thumbprint (``jkt``).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

from airflow_oidc_auth.errors import OidcAuthError, TokenRefused
from airflow_oidc_auth.providers.bearer.addresses import same_address
from airflow_oidc_auth.providers.bearer.proof_memory import ProofMemory
from airflow_oidc_auth.providers.id_token import read_date
from airflow_oidc_auth.providers.keys import VerificationKey, read_key
from airflow_oidc_auth.providers.same_text import same_text
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS
from airflow_oidc_auth.providers.signed_token import UnverifiedToken, parse_token, verified_by

MAX_PROOF = 8 * 1024
_MAX_ID = 255
# Strangers choose these keys: a long modulus (over 4096 bits) or exponent makes each verification slow.
_LONGEST = {"n": 683, "e": 8}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def check_proof(
    proofs: Sequence[str],
    *,
    method: str,
    url: str,
    access_token: str | None,
    jkt: str | None,
    now: float,
    leeway: int = 60,
    seen: ProofMemory,
) -> str:
    """Return the thumbprint of the key whose possession the one proof shows.

    :param proofs: every ``DPoP`` header of the request
    :param method: of the request
    :param url: of the request as clients know it; query and fragment do not count
    :param access_token: that comes with it, None at the token endpoint
    :param jkt: the key that it must be, if it is known already
    :param leeway: seconds that ``iat`` may be away from now, either way
    :param seen: what was used before
    :raises TokenRefused: ``dpop_…``, one code per check
    """
    token = _parse(proofs)
    key = _proof_key(token)
    if verified_by(token, (key,)) is None:
        raise TokenRefused("dpop_signature", "the proof's own key does not verify it")
    thumbprint = key.key.thumbprint()
    if jkt is not None and not same_text(thumbprint, jkt):
        raise TokenRefused("dpop_other_key", "the proof is signed with another key")
    claims = token.claims
    _check_request(claims, method, url)
    _check_access_token(claims, access_token)
    issued = _check_time(claims, now, leeway)
    if not seen.use(thumbprint, _proof_id(claims), now=now, until=issued + leeway + 1):
        raise TokenRefused("dpop_replayed", "the proof was used before, or its key uses too many")
    return thumbprint


def _parse(proofs: Sequence[str]) -> UnverifiedToken:
    if not proofs:
        raise TokenRefused("dpop_missing", "there is no DPoP header")
    if len(proofs) > 1 or len(proofs[0]) > MAX_PROOF:
        raise TokenRefused("dpop_malformed", f"{len(proofs)} proofs, or a proof of {len(proofs[0])} characters")
    try:
        token = parse_token(proofs[0])
    except OidcAuthError as error:
        raise TokenRefused("dpop_malformed", f"{error.code}: {error.detail}") from None
    if token.header.get("typ") != "dpop+jwt":
        raise TokenRefused("dpop_malformed", "typ is not dpop+jwt")
    if token.algorithm not in ASYMMETRIC_ALGORITHMS:
        raise TokenRefused("dpop_algorithm", f"alg is {token.algorithm[:20]!r}")
    return token


def _proof_key(token: UnverifiedToken) -> VerificationKey:
    """Return the key in the header: public, whole, and fit for the algorithm. Addresses of keys are not looked at."""
    jwk = token.header.get("jwk")
    if not isinstance(jwk, dict) or _PRIVATE & jwk.keys():
        raise TokenRefused("dpop_key", "the header has no jwk, or one with private members")
    if any(len(str(jwk.get(name, ""))) > longest for name, longest in _LONGEST.items()):
        raise TokenRefused("dpop_key", "the key is larger than any should be")
    key = read_key({name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk})
    if not isinstance(key, VerificationKey):
        raise TokenRefused("dpop_key", key)
    if not key.fits(token.algorithm):
        raise TokenRefused("dpop_key", "the key does not fit the algorithm")
    return key


def _check_request(claims: Mapping[str, object], method: str, url: str) -> None:
    if claims.get("htm") != method:  # methods are case-sensitive (RFC 9110 §9.1)
        raise TokenRefused("dpop_method", "htm is another method", evidence={"method": method})
    address = claims.get("htu")
    if not isinstance(address, str) or not same_address(address, url):
        raise TokenRefused("dpop_address", "htu is another address", evidence={"expected": url.partition("?")[0]})


def _check_access_token(claims: Mapping[str, object], access_token: str | None) -> None:
    if access_token is None:
        return
    digest = hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest()
    if not same_text(claims.get("ath"), base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")):
        raise TokenRefused("dpop_token", "ath is of another access token, or missing")


def _check_time(claims: Mapping[str, object], now: float, leeway: int) -> float:
    try:
        issued = read_date(claims, "iat")
    except OidcAuthError:
        raise TokenRefused("dpop_time", "iat is missing or no date") from None
    if not -leeway <= now - issued <= leeway:
        raise TokenRefused("dpop_time", f"iat is {now - issued:.0f} s away", evidence={"iat": issued})
    return issued


def _proof_id(claims: Mapping[str, object]) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_ID:
        raise TokenRefused("dpop_malformed", f"jti is no text of 1 to {_MAX_ID} characters")
    return jti
