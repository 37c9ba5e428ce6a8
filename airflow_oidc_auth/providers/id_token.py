"""What an id_token must say before anybody believes it (OIDC Core §3.1.3.7). Sans-IO.

Each check is one function and one code; :func:`check_id_token` runs all of them, always.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.same_text import same_text
from airflow_oidc_auth.providers.signed_token import SignedClaims
from airflow_oidc_auth.secret import Secret

MAX_SUBJECT = 255
_LATEST = 253_402_300_799  # the year 9999: beyond it a number is no date


@dataclass(frozen=True, slots=True)
class IdTokenExpectation:
    """What this sign-in expects.

    :param check_issuer: canonical issuer of an accepted ``iss``, or None
    :param nonce: of the authorization request
    :param leeway: seconds of clock difference tolerated
    :param now: epoch seconds
    :param access_token: that came with the id_token, for ``at_hash``
    """

    check_issuer: Callable[[str, Mapping[str, object]], str | None]
    client_id: str
    nonce: str = field(repr=False)
    leeway: int
    now: float
    access_token: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class IdTokenClaims:
    """Claims of an id_token that was issued by the IdP, for us, for this sign-in, now.

    :param issuer: canonical
    """

    issuer: str
    subject: str
    claims: Mapping[str, object] = field(repr=False)


def check_id_token(signed: SignedClaims, expected: IdTokenExpectation) -> IdTokenClaims:
    """Run every check.

    :raises ProtocolViolation: one code per check, see the module's functions
    """
    claims = signed.claims
    issuer = check_issuer(claims, expected)
    check_audience(claims, expected.client_id)
    check_authorized_party(claims, expected.client_id)
    check_times(claims, expected.now, expected.leeway)
    check_nonce(claims, expected.nonce)
    check_access_token_hash(claims, signed.algorithm, expected.access_token)
    return IdTokenClaims(issuer, check_subject(claims), claims)


def check_issuer(claims: Mapping[str, object], expected: IdTokenExpectation) -> str:
    """``iss`` is the configured issuer, to the letter."""
    iss = claims.get("iss")
    canonical = expected.check_issuer(iss, claims) if isinstance(iss, str) and iss else None
    if canonical is None:
        raise ProtocolViolation("id_token_issuer", f"iss is {shown(iss)}", evidence={"iss": shown(iss)})
    return canonical


def check_audience(claims: Mapping[str, object], client_id: str) -> None:
    """``aud`` names us, whatever ``azp`` says."""
    aud = claims.get("aud")
    audiences = [aud] if isinstance(aud, str) else aud
    if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
        raise ProtocolViolation("id_token_audience", "aud is neither a text nor a list of texts")
    if client_id not in audiences:
        raise ProtocolViolation("id_token_audience", f"aud is {shown(aud)}", evidence={"aud": shown(aud)})


def check_authorized_party(claims: Mapping[str, object], client_id: str) -> None:
    """``azp`` is us when present, and present when there are several audiences (§3.1.3.7 4 and 5)."""
    aud = claims.get("aud")
    if "azp" not in claims:
        if isinstance(aud, list) and len(set(map(str, aud))) > 1:
            raise ProtocolViolation("id_token_azp", "several audiences and no azp")
        return
    if claims["azp"] != client_id:
        raise ProtocolViolation(
            "id_token_azp", f"azp is {shown(claims['azp'])}", evidence={"azp": shown(claims["azp"])}
        )


def check_times(claims: Mapping[str, object], now: float, leeway: int) -> tuple[float, float]:
    """``exp`` and ``iat`` are there, ``nbf`` may be; none contradicts the clock by more than the leeway.

    :returns: ``iat`` and ``exp``
    """
    expires, issued = read_date(claims, "exp"), read_date(claims, "iat")
    if now >= expires + leeway:
        raise ProtocolViolation("id_token_expired", f"exp was {now - expires:.0f} s ago", evidence={"exp": expires})
    begins = max(issued, read_date(claims, "nbf") if "nbf" in claims else issued)
    if now < begins - leeway:
        raise ProtocolViolation(
            "id_token_not_yet_valid", f"iat or nbf is {begins - now:.0f} s ahead", evidence={"begins": begins}
        )
    return issued, expires


def check_nonce(claims: Mapping[str, object], nonce: str) -> None:
    """``nonce`` is the one we sent: the token was issued for this very sign-in."""
    if not same_text(claims.get("nonce"), nonce):
        raise ProtocolViolation("id_token_nonce", "nonce is missing or another")


def check_access_token_hash(claims: Mapping[str, object], algorithm: str, access_token: Secret | None) -> None:
    """``at_hash`` fits the access token, if both are there (§3.1.3.8); optional in the code flow."""
    if "at_hash" not in claims or access_token is None:
        return
    if not same_text(claims["at_hash"], access_token_hash(access_token, algorithm)):
        raise ProtocolViolation("id_token_at_hash", "at_hash is of another access token")


def access_token_hash(access_token: Secret, algorithm: str) -> str:
    """Return the left half of the hash, base64url. Ed25519 hashes with SHA-512."""
    name = "sha512" if algorithm == "EdDSA" else f"sha{algorithm[-3:]}"
    digest = hashlib.new(name, access_token.reveal().encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")


def check_subject(claims: Mapping[str, object]) -> str:
    """``sub`` is a text of 1 to 255 printable ASCII characters (OIDC Core §2)."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise ProtocolViolation("id_token_subject", "sub is no text of 1 to 255 characters")
    if not (subject.isascii() and subject.isprintable()) or not subject.strip():
        raise ProtocolViolation("id_token_subject", "sub has characters that are not printable ASCII")
    return subject


def read_session_id(claims: Mapping[str, object]) -> str | None:
    """Return ``sid`` (OIDC Back-Channel Logout §2.1) if it can be kept, else None."""
    value = claims.get("sid")
    return value if isinstance(value, str) and 0 < len(value) <= MAX_SUBJECT and value.isprintable() else None


def read_date(claims: Mapping[str, object], name: str) -> float:
    """Return a NumericDate (RFC 7519 §2): integers and floats, never booleans or texts.

    :raises ProtocolViolation: ``id_token_claim``
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ProtocolViolation("id_token_claim", f"{name} is no number", evidence={"claim": name})
    # The order matters: a huge integer has no float, and float() would raise.
    if not 0 <= value <= _LATEST or not math.isfinite(value):
        raise ProtocolViolation("id_token_claim", f"{name} is no date", evidence={"claim": name})
    return float(value)


def shown(value: object) -> str:
    """Return a claim for the log: short, on one line."""
    return repr(value)[:200]
