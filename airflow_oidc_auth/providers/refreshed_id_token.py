"""What an id_token that came with a refresh must say (OIDC Core §12.2). Sans-IO.

It is checked like the first one, and against it: the same issuer, person and audience. A nonce need not be there; one
that is there is the first one's.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.id_token import (
    IdTokenClaims,
    IdTokenExpectation,
    check_access_token_hash,
    check_audience,
    check_authorized_party,
    check_issuer,
    check_subject,
    check_times,
    read_date,
)
from airflow_oidc_auth.providers.same_text import same_text
from airflow_oidc_auth.providers.signed_token import SignedClaims

FOREIGN = frozenset({"refreshed_issuer", "refreshed_subject"})
"""Codes of an answer that is about somebody else: nothing in it, its tokens least of all, may be kept."""


def check_refreshed_id_token(signed: SignedClaims, expected: IdTokenExpectation, known: Identity) -> IdTokenClaims:
    """Run every check; the expectation's nonce is not looked at.

    :param known: what the IdP said last; its claims may be empty, and then only issuer and subject are compared
    :raises ProtocolViolation: ``refreshed_…`` for a difference from the first, ``id_token_…`` for the rest
    """
    claims = signed.claims
    issuer = check_issuer(claims, expected)
    check_audience(claims, expected.client_id)
    check_authorized_party(claims, expected.client_id)
    subject = check_subject(claims)
    _check_same_person(issuer, subject, known)
    check_times(claims, expected.now, expected.leeway)
    _check_same_audience(claims, known)
    _check_nonce(claims, known)
    _check_order(claims, known, expected.leeway)
    _check_auth_time(claims, expected)
    check_access_token_hash(claims, signed.algorithm, expected.access_token)
    return IdTokenClaims(issuer, subject, claims)


def _check_same_person(issuer: str, subject: str, known: Identity) -> None:
    if issuer != known.issuer:
        raise ProtocolViolation("refreshed_issuer", "iss is not the first id_token's")
    if not same_text(subject, known.subject):
        raise ProtocolViolation("refreshed_subject", "sub is not the first id_token's")


def _check_same_audience(claims: Mapping[str, object], known: Identity) -> None:
    if missing := _audiences(known.claims) - _audiences(claims):
        raise ProtocolViolation("refreshed_audience", f"{len(missing)} audiences of the first id_token are missing")


def _audiences(claims: Mapping[str, object]) -> frozenset[str]:
    aud = claims.get("aud", ())
    return frozenset(map(str, aud)) if isinstance(aud, (list, tuple)) else frozenset({str(aud)})


def _check_nonce(claims: Mapping[str, object], known: Identity) -> None:
    first = known.claims.get("nonce")
    if "nonce" in claims and isinstance(first, str) and not same_text(claims["nonce"], first):
        raise ProtocolViolation("refreshed_nonce", "nonce is not the first id_token's")


def _check_order(claims: Mapping[str, object], known: Identity, leeway: int) -> None:
    """A token of yesterday has yesterday's groups."""
    before = known.claims.get("iat")
    if isinstance(before, (int, float)) and read_date(claims, "iat") < before - leeway:
        raise ProtocolViolation("refreshed_out_of_order", "iat is before the last id_token's")


def _check_auth_time(claims: Mapping[str, object], expected: IdTokenExpectation) -> None:
    """Nobody authenticates tomorrow. That it is another than before is no error, and is not believed either."""
    told = claims.get("auth_time")
    if isinstance(told, (int, float)) and told > expected.now + expected.leeway:
        raise ProtocolViolation("refreshed_auth_time", "auth_time is ahead of the clock")
