from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.id_token import IdTokenExpectation, access_token_hash, check_id_token
from airflow_oidc_auth.providers.signed_token import SignedClaims
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.making import CLIENT, ISSUER, NONCE, NOW, make_claims

ACCESS_TOKEN = Secret("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")  # the example of OIDC Core, Appendix A.3


def expectation(**changes: Any) -> IdTokenExpectation:
    fields: dict[str, Any] = {
        "check_issuer": lambda iss, _: ISSUER if iss == ISSUER else None,
        "client_id": CLIENT,
        "nonce": NONCE,
        "leeway": 60,
        "now": NOW,
        "access_token": ACCESS_TOKEN,
    }
    return IdTokenExpectation(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": ISSUER + "/"}, "id_token_issuer"),
        ({"iss": ISSUER.upper()}, "id_token_issuer"),
        ({"iss": [ISSUER]}, "id_token_issuer"),
        ({"iss": ""}, "id_token_issuer"),
        ({"iss": ...}, "id_token_issuer"),
        ({"aud": "other"}, "id_token_audience"),
        ({"aud": "other", "azp": CLIENT}, "id_token_audience"),
        ({"aud": f"{CLIENT} other"}, "id_token_audience"),
        ({"aud": [CLIENT, 7]}, "id_token_audience"),
        ({"aud": [[CLIENT]]}, "id_token_audience"),
        ({"aud": {CLIENT: CLIENT}}, "id_token_audience"),
        ({"aud": []}, "id_token_audience"),
        ({"aud": None}, "id_token_audience"),
        ({"aud": ...}, "id_token_audience"),
        ({"aud": [CLIENT, "other"]}, "id_token_azp"),
        ({"aud": [CLIENT, "other"], "azp": "other"}, "id_token_azp"),
        ({"azp": "other"}, "id_token_azp"),
        ({"azp": [CLIENT]}, "id_token_azp"),
        ({"azp": None}, "id_token_azp"),
        ({"exp": NOW - 60}, "id_token_expired"),
        ({"exp": 0}, "id_token_expired"),
        ({"exp": True}, "id_token_claim"),
        ({"exp": str(int(NOW) + 300)}, "id_token_claim"),
        ({"exp": None}, "id_token_claim"),
        ({"exp": ...}, "id_token_claim"),
        ({"exp": 10**400}, "id_token_claim"),
        ({"exp": float("inf")}, "id_token_claim"),
        ({"exp": float("nan")}, "id_token_claim"),
        ({"exp": -1}, "id_token_claim"),
        ({"iat": NOW + 61}, "id_token_not_yet_valid"),
        ({"iat": False}, "id_token_claim"),
        ({"iat": ...}, "id_token_claim"),
        ({"nbf": NOW + 61}, "id_token_not_yet_valid"),
        ({"nbf": "soon"}, "id_token_claim"),
        ({"nonce": NONCE + "x"}, "id_token_nonce"),
        ({"nonce": "\ud800"}, "id_token_nonce"),
        ({"nonce": [NONCE]}, "id_token_nonce"),
        ({"nonce": ""}, "id_token_nonce"),
        ({"nonce": ...}, "id_token_nonce"),
        ({"at_hash": "77QmUPtjPfzWtF2AnpK9RR"}, "id_token_at_hash"),
        ({"at_hash": ""}, "id_token_at_hash"),
        ({"at_hash": None}, "id_token_at_hash"),
        ({"at_hash": ["77QmUPtjPfzWtF2AnpK9RQ"]}, "id_token_at_hash"),
        ({"sub": ""}, "id_token_subject"),
        ({"sub": " "}, "id_token_subject"),
        ({"sub": "a" * 256}, "id_token_subject"),
        ({"sub": "ada\nauth.login admin"}, "id_token_subject"),
        ({"sub": "аda"}, "id_token_subject"),  # noqa: RUF001 -- a Cyrillic letter is the point
        ({"sub": 7}, "id_token_subject"),
        ({"sub": True}, "id_token_subject"),
        ({"sub": None}, "id_token_subject"),
        ({"sub": ...}, "id_token_subject"),
    ],
)
def test_refuses_claims_with_the_code_of_the_broken_rule(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        check_id_token(SignedClaims(make_claims(**changes), "RS256"), expectation())
    assert caught.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, CLIENT]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"azp": CLIENT},
        {"exp": NOW - 59.5},
        {"exp": NOW + 0.5, "iat": NOW - 0.25},
        {"iat": NOW + 60},
        {"nbf": NOW + 60},
        {"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"},
        {"sub": "a" * 255},
        {"sub": "auth0|5f7c"},
    ],
)
def test_accepts_what_the_standard_allows(changes: dict[str, Any]) -> None:
    accepted = check_id_token(SignedClaims(make_claims(**changes), "RS256"), expectation())
    assert (accepted.issuer, accepted.subject) == (ISSUER, make_claims(**changes)["sub"])


def test_an_empty_nonce_of_ours_accepts_nothing() -> None:
    with pytest.raises(ProtocolViolation, match="id_token_nonce"):
        check_id_token(SignedClaims(make_claims(nonce=""), "RS256"), expectation(nonce=""))


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("RS256", "sha256"),
        ("PS384", "sha384"),
        ("ES512", "sha512"),
        ("EdDSA", "sha512"),  # Ed25519 hashes with SHA-512
    ],
)
def test_at_hash_uses_the_hash_of_the_signature_algorithm(algorithm: str, digest: str) -> None:
    full = hashlib.new(digest, ACCESS_TOKEN.reveal().encode()).digest()
    half = base64.urlsafe_b64encode(full[: len(full) // 2]).rstrip(b"=").decode()
    assert access_token_hash(ACCESS_TOKEN, algorithm) == half
    check_id_token(SignedClaims(make_claims(at_hash=half), algorithm), expectation())


def test_at_hash_of_another_algorithm_is_refused() -> None:
    wrong = access_token_hash(ACCESS_TOKEN, "RS512")
    with pytest.raises(ProtocolViolation, match="id_token_at_hash"):
        check_id_token(SignedClaims(make_claims(at_hash=wrong), "RS256"), expectation())


def test_claims_and_tokens_stay_out_of_the_repr() -> None:
    signed = SignedClaims(make_claims(email="ada@example.com"), "RS256")
    assert "ada@example.com" not in repr(signed) + repr(check_id_token(signed, expectation())) + repr(expectation())
