"""Published test vectors, through this package's verification and not only the library's.

What may be signed here is a JSON object, and most vectors sign something else. So each is delivered twice: as it is,
and to everything but that one rule, where nothing but key, algorithm, spelling and signature decides.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation
from airflow_oidc_auth.providers.keys import KeyRing, parse_jwks
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS
from airflow_oidc_auth.providers.signed_token import SignedClaims, UnverifiedToken, parse_token, verify_signature
from tests.unit.providers.making import encode, make_claims, make_key, public

VECTORS = Path(__file__).parent / "jose"
RFCS: list[dict[str, Any]] = json.loads((VECTORS / "rfc.json").read_text(encoding="utf-8"))
WYCHEPROOF: dict[str, Any] = json.loads((VECTORS / "wycheproof.json").read_text(encoding="utf-8"))
ACCEPTED = "accepted"
# They are called valid, and their key is declared for another algorithm than the one that the token uses (Figure 20)
# or for one that does not exist (Figure 27: ES521). A declared algorithm is the only one here (RFC 7517 §4.4).
DECLARED_FOR_ANOTHER = {346, 350, 347, 351}


def verify(token: UnverifiedToken, keys: KeyRing) -> SignedClaims:
    return verify_signature(token, ASYMMETRIC_ALGORITHMS, keys.candidates, lambda: False)


def parse_whatever_is_signed(text: str) -> UnverifiedToken:
    """Parse without the rule that the payload is a JSON object, which every other rule still meets."""
    parts = text.split(".")
    if len(parts) != 3:
        return parse_token(text)
    # base64url of the payload is looked at as that of a signature is: by the same function.
    parse_token(f"{parts[0]}.e30.{parts[1]}")
    token = parse_token(f"{parts[0]}.e30.{parts[2]}")
    return replace(token, signing_input=f"{parts[0]}.{parts[1]}".encode())


def judged(text: str, keys: KeyRing) -> str:
    try:
        verify(parse_whatever_is_signed(text), keys)
    except OidcAuthError as error:
        return error.code
    return ACCEPTED


def judged_as_a_token(text: str, keys: KeyRing) -> str:
    try:
        verify(parse_token(text), keys)
    except OidcAuthError as error:
        return error.code
    return ACCEPTED


@pytest.mark.parametrize("vector", RFCS, ids=lambda vector: vector["name"])
def test_an_example_of_the_rfcs(vector: dict[str, Any]) -> None:
    keys = parse_jwks({"keys": [vector["key"]]})
    assert judged(vector["jws"], keys) == vector["signature"]
    assert judged_as_a_token(vector["jws"], keys) == vector["token"]


@pytest.mark.parametrize("name", ["RFC 7515 A.2 (RS256)", "RFC 7515 A.3 (ES256)"])
def test_an_example_that_is_a_token_gives_its_claims(name: str) -> None:
    vector = next(each for each in RFCS if each["name"] == name)
    signed = verify(parse_token(vector["jws"]), parse_jwks({"keys": [vector["key"]]}))
    assert signed.claims == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


@pytest.mark.parametrize("vector", [each for each in RFCS if each["signature"] == ACCEPTED], ids=lambda it: it["name"])
def test_an_accepted_example_fails_with_any_of_its_parts_changed(vector: dict[str, Any]) -> None:
    keys = parse_jwks({"keys": [vector["key"]]})
    head, body, signature = vector["jws"].split(".")
    other = encode(json.loads(base64.urlsafe_b64decode(head + "==")) | {"typ": "x"})
    for changed in ((other, body), (head, encode(b"{}"))):
        assert judged(f"{changed[0]}.{changed[1]}.{signature}", keys) == "id_token_signature"
    forged = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert judged(f"{head}.{body}.{forged}", keys) == "id_token_signature"


def wycheproof() -> Iterator[Any]:
    for group in WYCHEPROOF["groups"]:
        for number, comment, result, jws in group["tests"]:
            yield pytest.param(group, number, comment, result, jws, id=f"{number}-{comment}")


def code_of(group: dict[str, Any], number: int, comment: str, result: str, jws: str) -> str:
    """Return what this package must say; the vectors know only valid and invalid."""
    if jws.count(".") != 2 or not jws.isascii() or ("Header" in comment and not jws.startswith("ey")):
        return "id_token_malformed"
    try:
        algorithm = parse_whatever_is_signed(jws).algorithm
    except ProtocolViolation:
        return "id_token_malformed"
    declared = group["key"].get("alg")
    if algorithm not in ASYMMETRIC_ALGORITHMS:
        return "id_token_algorithm"
    if not_for_verifying(group["key"]) or declared not in (None, algorithm) or number in DECLARED_FOR_ANOTHER:
        return "id_token_key_unknown"
    if comment == "rejectsModifiedHeader":  # it changes the kid, and no key has that
        return "id_token_key_unknown"
    return ACCEPTED if result == "valid" else "id_token_signature"


def not_for_verifying(key: dict[str, Any]) -> bool:
    return key.get("use") == "enc" or "verify" not in key.get("key_ops", ["verify"])


@pytest.mark.parametrize(("group", "number", "comment", "result", "jws"), list(wycheproof()))
def test_a_vector_of_wycheproof(group: dict[str, Any], number: int, comment: str, result: str, jws: str) -> None:
    keys = parse_jwks({"keys": [group["key"]]})
    found = judged(jws, keys)
    assert found == code_of(group, number, comment, result, jws)
    assert judged_as_a_token(jws, keys) != ACCEPTED, "no vector signs an object"


def test_every_vector_that_is_accepted_is_a_valid_one_and_nearly_all_valid_ones_are() -> None:
    """The rule above names codes; this counts, so that a mistake in it cannot hide a forgery."""
    accepted, passed_over = set(), set()
    for group in WYCHEPROOF["groups"]:
        keys = parse_jwks({"keys": [group["key"]]})
        for number, _, result, jws in group["tests"]:
            if judged(jws, keys) == ACCEPTED:
                assert result == "valid", number
                accepted.add(number)
            elif result == "valid" and group["key"]["kty"] != "oct":
                passed_over.add(number)
    assert passed_over == DECLARED_FOR_ANOTHER
    assert len(accepted) == 32


# ----------------------------------------------------------------------------- what policy forbids, however well signed
def rsa_token(header: dict[str, object], bits: int, digest: hashes.HashAlgorithm) -> tuple[str, dict[str, Any]]:
    key = rsa.generate_private_key(65537, bits)
    text = f"{encode(header)}.{encode(make_claims())}"
    signature = key.sign(text.encode(), padding.PKCS1v15(), digest)
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": encode(numbers.n.to_bytes(bits // 8, "big")), "e": "AQAB"}
    return f"{text}.{encode(signature)}", jwk


@pytest.mark.parametrize(("bits", "expected"), [(1024, "id_token_key_unknown"), (2048, ACCEPTED)])
def test_a_good_signature_by_a_small_key_counts_for_nothing(bits: int, expected: str) -> None:
    token, key = rsa_token({"alg": "RS256"}, bits, hashes.SHA256())
    assert judged_as_a_token(token, parse_jwks({"keys": [key]})) == expected


@pytest.mark.parametrize(("alg", "expected"), [("RS1", "id_token_algorithm"), ("RS256", "id_token_signature")])
def test_a_good_signature_over_sha_1_counts_for_nothing(alg: str, expected: str) -> None:
    token, key = rsa_token({"alg": alg}, 2048, hashes.SHA1())
    assert judged_as_a_token(token, parse_jwks({"keys": [key]})) == expected


@pytest.mark.parametrize(("alg", "expected"), [("ES256K", "id_token_algorithm"), ("ES256", "id_token_key_unknown")])
def test_a_good_signature_on_the_curve_of_bitcoin_counts_for_nothing(alg: str, expected: str) -> None:
    """RFC 8812, which nobody who signs people in uses."""
    key = ECKey.import_key(ec.generate_private_key(ec.SECP256K1()))
    token = sign_as({"alg": alg}, "ES256K", key)
    assert key.as_dict()["crv"] == "secp256k1"
    assert judged_as_a_token(token, parse_jwks({"keys": [dict(key.as_dict(private=False))]})) == expected


@pytest.mark.parametrize("header", [{"b64": False, "crit": ["b64"]}, {"b64": False}, {"b64": True}, {"crit": ["b64"]}])
def test_an_unencoded_payload_is_refused_under_a_good_signature(header: dict[str, object]) -> None:
    """RFC 7797: what is signed is then not what is read. The signature holds, so only that rule refuses it."""
    key, keys = make_key("ES256"), parse_jwks({"keys": [public("ES256")]})
    assert judged_as_a_token(sign_as({"alg": "ES256"}, "ES256", key), keys) == ACCEPTED
    with pytest.raises(ProtocolViolation, match="the header has") as caught:
        parse_token(sign_as({"alg": "ES256", **header}, "ES256", key))
    assert caught.value.code == "id_token_malformed"


def sign_as(header: dict[str, object], algorithm: str, key: Any) -> str:
    """Sign with one algorithm under a header that may name another."""
    text = f"{encode(header)}.{encode(make_claims())}"
    return f"{text}.{encode(JWSRegistry.algorithms[algorithm].sign(text.encode(), key))}"
