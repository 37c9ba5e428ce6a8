from __future__ import annotations

from typing import Any

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.keys import KeyRing, KeySource, parse_jwks
from tests.unit.providers.making import Clock, make_key, public


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": [{}] * 257}, "keys"])
def test_refuses_what_is_no_key_set(document: object) -> None:
    with pytest.raises(ProviderError) as caught:
        parse_jwks(document)
    assert caught.value.code == "keys_malformed"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"kty": "MAC", "value": "x"}, "not used"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "not used"),
        ({"kty": ["RSA"]}, "not used"),
        ({}, "not used"),
        (None, "no object"),
        ("RSA", "no object"),
        (public("RS256", use="enc"), "not for signatures"),
        (public("RS256", key_ops=["encrypt"]), "not for verifying"),
        ({"kty": "RSA"}, "without modulus"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "fewer than 2048"),
        ({"kty": "RSA", "n": "A" * 342, "e": "AQAB"}, "fewer than 2048"),
        ({"kty": "RSA", "n": "_" * 4000, "e": "AQAB"}, "more than 16384"),
        ({"kty": "RSA", "n": "_" * 342, "e": "!!"}, "cannot be read"),
        ({"kty": "RSA", "n": "_" * 342}, "cannot be read"),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "cannot be read"),
        ({"kty": "EC", "crv": "P-1", "x": "AA", "y": "AA"}, "cannot be read"),
        ({"kty": "OKP", "crv": "Ed25519", "x": 7}, "cannot be read"),
    ],
)
def test_passes_over_an_unusable_key_and_keeps_the_good_one(entry: Any, reason: str) -> None:
    ring = parse_jwks({"keys": [entry, public("RS256", kid="good")]})
    assert [key.kid for key in ring.keys] == ["good"]
    assert reason in ring.skipped[0]


def test_a_private_key_published_by_mistake_is_only_verified_with() -> None:
    ring = parse_jwks({"keys": [make_key("RS256").as_dict(private=True)]})
    assert not ring.keys[0].key.is_private


def test_kid_chooses_and_keys_without_kid_are_tried_as_well() -> None:
    ring = parse_jwks({"keys": [public("RS256", kid="a"), public("RS512", kid="b"), _without_kid("PS256")]})
    assert [key.kid for key in ring.candidates("RS256", "a")] == ["a", None]
    assert [key.kid for key in ring.candidates("RS256", "unknown")] == [None]
    assert len(ring.candidates("RS256", None)) == 3


def test_a_key_of_a_curve_without_signatures_fits_nothing() -> None:
    ring = parse_jwks({"keys": [{"kty": "OKP", "crv": "X25519", "x": public("EdDSA")["x"]}]})
    assert ring.candidates("EdDSA", None) == ()


def test_refresh_is_limited_by_the_clock() -> None:
    clock, fetched = Clock(), []
    source = KeySource(lambda: fetched.append(1) or KeyRing(()), clock, interval=30)  # type: ignore[func-returns-value]
    source.load()
    assert not source.refresh()
    clock.now += 30
    assert source.refresh()
    assert not source.refresh()
    assert len(fetched) == 2


def test_a_failing_refresh_is_told_keeps_the_keys_and_is_limited_too() -> None:
    clock, answers = Clock(), iter([parse_jwks({"keys": [public("RS256")]})])

    def fetch() -> KeyRing:
        try:
            return next(answers)
        except StopIteration:
            raise ProviderError("provider_unreachable") from None

    source = KeySource(fetch, clock)
    source.load()
    clock.now += 31
    with pytest.raises(ProviderError, match="provider_unreachable"):
        source.refresh()
    assert not source.refresh()
    assert source.candidates("RS256", None)


def _without_kid(algorithm: str) -> dict[str, Any]:
    return {name: value for name, value in public(algorithm).items() if name != "kid"}
