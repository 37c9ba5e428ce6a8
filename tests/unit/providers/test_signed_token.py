from __future__ import annotations

import base64
import hmac
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey

from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.keys import KeyRing, parse_jwks
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS
from airflow_oidc_auth.providers.signed_token import MAX_TOKEN, SignedClaims, parse_token, verified_by, verify_signature
from tests.unit.providers.making import encode, make_claims, make_key, public, sign

ALL = ASYMMETRIC_ALGORITHMS


def ring(*algorithms: str) -> KeyRing:
    return parse_jwks({"keys": [public(algorithm, kid=algorithm) for algorithm in algorithms]})


def verify(text: str, keys: KeyRing, algorithms: tuple[str, ...] = ALL) -> SignedClaims:
    return verify_signature(parse_token(text), algorithms, keys.candidates, lambda: False)


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize("with_kid", [True, False])
def test_verifies_every_asymmetric_algorithm(algorithm: str, with_kid: bool) -> None:
    token = sign(make_claims(), algorithm, header={"kid": algorithm} if with_kid else {})
    signed = verify(token, ring("RS256", "ES256", "ES384", "ES512", "EdDSA", algorithm))
    assert (signed.algorithm, signed.claims) == (algorithm, make_claims())


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS384", "HS512"])
def test_never_accepts_a_symmetric_algorithm_even_if_configured(algorithm: str) -> None:
    pem = make_key("RS256").as_pem(private=False)
    token = sign(make_claims(), algorithm, key=OctKey.import_key(encode(pem)))
    with pytest.raises(ProtocolViolation) as caught:
        verify(token, ring("RS256"), (*ALL, algorithm))
    assert caught.value.code == "id_token_algorithm"


def test_refuses_an_algorithm_outside_the_configured_list() -> None:
    with pytest.raises(ProtocolViolation, match="id_token_algorithm"):
        verify(sign(make_claims(), "RS512"), ring("RS256"), ("RS256",))


@pytest.mark.parametrize("alg", ["rs256", "", None, 7, ["RS256"], {"RS256": 1}])
def test_refuses_an_odd_algorithm(alg: object) -> None:
    token = f"{encode({'alg': alg})}.{encode(make_claims())}.{encode(b'x')}"
    with pytest.raises(ProtocolViolation, match="id_token_algorithm"):
        verify(token, ring("RS256"))


@pytest.mark.parametrize(
    ("algorithm", "other"),
    [("RS256", "ES256"), ("ES256", "ES384"), ("ES256", "RS256"), ("EdDSA", "ES256"), ("PS256", "EdDSA")],
)
def test_a_key_of_another_type_or_curve_fits_nothing(algorithm: str, other: str) -> None:
    keys = parse_jwks({"keys": [public(other, kid="k")]})
    with pytest.raises(ProtocolViolation, match="id_token_key_unknown"):
        verify(sign(make_claims(), algorithm, header={"kid": "k"}), keys)


def test_a_key_made_for_one_algorithm_serves_no_other() -> None:
    keys = parse_jwks({"keys": [public("RS256", alg="RS256")]})
    with pytest.raises(ProtocolViolation, match="id_token_key_unknown"):
        verify(sign(make_claims(), "PS256", key=make_key("RS256")), keys)


@pytest.mark.parametrize("pointer", [{"jku": "https://evil.example"}, {"x5u": "https://evil.example"}, {"jwk": {}}])
def test_a_key_named_in_the_header_is_not_looked_at(pointer: dict[str, object]) -> None:
    pointer = {name: public("RS512") if name == "jwk" else value for name, value in pointer.items()}
    with pytest.raises(ProtocolViolation, match="id_token_signature"):
        verify(sign(make_claims(), "RS256", key=make_key("RS512"), header=pointer), ring("RS256"))


def test_a_jku_beside_a_good_signature_does_no_harm() -> None:
    assert verify(sign(make_claims(), header={"jku": "https://uaa.example/token_keys"}), ring("RS256"))


@pytest.mark.parametrize("kind", ["JWT", "at+jwt", "application/at+jwt", "jwt"])
def test_the_type_may_be_spelt_in_any_way(kind: str) -> None:
    assert verify(sign(make_claims(), header={"typ": kind}), ring("RS256"))


GOOD = sign(make_claims())
HEAD, BODY, SIGNATURE = GOOD.split(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d",
        "..",
        f"{HEAD}.{BODY}.{SIGNATURE}=",
        f"{HEAD}.{BODY}.{SIGNATURE[:-1]}+",
        f"{HEAD}\n.{BODY}.{SIGNATURE}",
        f"{HEAD}.{BODY}.Aé",
        f"{HEAD}.{BODY}.A",
        f"{encode(b'[]')}.{BODY}.{SIGNATURE}",
        f"{HEAD}.{encode(b'[]')}.{SIGNATURE}",
        f"{HEAD}.{encode(b'null')}.{SIGNATURE}",
        f"{HEAD}.{encode(bytes([0xFF, 0xFE]))}.{SIGNATURE}",
        f"{HEAD}.{encode('[' * 100_000)}.{SIGNATURE}",
        sign(b'{"exp": NaN}'),
        sign(b"{exp: 1}"),
        sign(b'{"sub": "eve", "sub": "ada"}'),
        encode(b'{"alg": "none", "alg": "RS256"}') + f".{BODY}.{SIGNATURE}",
        sign(make_claims(), header={"crit": ["exp"]}),
        sign(make_claims(), header={"crit": []}),
        sign(make_claims(), header={"b64": False}),
        sign(make_claims(), header={"kid": 7}),
        sign(make_claims(), header={"pad": "x" * 20_000}),
    ],
)
def test_refuses_a_malformed_token(text: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        parse_token(text)
    assert caught.value.code == "id_token_malformed"


def test_refuses_an_oversized_token() -> None:
    with pytest.raises(ProtocolViolation, match="id_token_too_large"):
        parse_token("a" * (MAX_TOKEN + 1))


def test_says_that_an_encrypted_token_is_not_supported() -> None:
    with pytest.raises(ProviderError, match="id_token_encrypted"):
        parse_token("a.b.c.d.e")


def test_looks_again_for_a_key_that_came_meanwhile() -> None:
    rings = iter([ring("ES256"), ring("RS256")])
    signed = verify_signature(parse_token(GOOD), ALL, lambda alg, kid: next(rings).candidates(alg, kid), lambda: False)
    assert signed.claims == make_claims()


def test_nothing_of_a_token_shows_in_its_repr() -> None:
    assert "5d3a-0001" not in repr(parse_token(GOOD))


def _with_signature(token: str, change: Callable[[bytes], bytes]) -> str:
    said, _, signature = token.rpartition(".")
    return f"{said}.{encode(change(base64.urlsafe_b64decode(signature + '=' * (-len(signature) % 4))))}"


@pytest.mark.parametrize(
    "change",
    [
        lambda signature: signature[:-1],
        lambda signature: signature + b"\0",
        lambda signature: b"\0" + signature,
        lambda signature: signature[:32] + b"\0" + signature[32:] + b"\0",
        lambda signature: signature[32:] + signature[:32],
        lambda signature: encode_dss_signature(
            int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        ),
        lambda signature: signature[:32],
        lambda signature: bytes(64),  # r = s = 0
        lambda signature: b"",
    ],
)
def test_an_ecdsa_signature_has_one_length_and_one_form(change: Callable[[bytes], bytes]) -> None:
    token = sign(make_claims(), "ES256")
    assert verify(token, ring("ES256"))
    with pytest.raises(ProtocolViolation, match="id_token_signature"):
        verify(_with_signature(token, change), ring("ES256"))


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s + b"\0", lambda s: b"\0" + s, lambda _: b"", lambda s: bytes(len(s))]
)
def test_an_rsa_signature_has_the_length_of_its_key(change: Callable[[bytes], bytes]) -> None:
    changed = _with_signature(GOOD, change)
    with pytest.raises(ProtocolViolation, match="id_token_signature"):
        verify(changed, ring("RS256"))


@pytest.mark.parametrize("algorithm", ALL)
def test_no_key_verifies_what_it_is_not_for_even_if_somebody_hands_it_over(algorithm: str) -> None:
    """Whoever chooses the keys may err; the signature itself would be good."""
    token = parse_token(sign(make_claims(), algorithm))
    own, other = public(algorithm), "RS256" if algorithm.startswith("PS") else "ES256"
    foreign = [own | {"alg": "ES512" if algorithm == "ES384" else "RS384" if algorithm == "RS512" else "PS999"}]
    if algorithm != other:
        foreign.append(public(other, alg=other))
    keys = parse_jwks({"keys": foreign}).keys
    assert keys
    assert verified_by(token, keys) is None
    assert verified_by(token, parse_jwks({"keys": [own]}).keys)


@pytest.mark.parametrize("secret", ["as_pem", "as_der"])
def test_a_public_key_is_no_shared_secret_even_for_who_skips_the_allow_list(secret: str) -> None:
    known = getattr(make_key("RS256"), secret)(private=False)
    said = f"{encode({'alg': 'HS256'})}.{encode(make_claims())}"
    forged = f"{said}.{encode(hmac.digest(known, said.encode(), 'sha256'))}"
    assert verified_by(parse_token(forged), ring("RS256").keys) is None
    unsigned = f"{encode({'alg': 'none'})}.{encode(make_claims())}."
    assert verified_by(parse_token(unsigned), ring("RS256").keys) is None


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(("ours", "theirs"), [("-", "+"), ("_", "/")])
def test_the_other_alphabet_of_base64_is_no_second_spelling(place: int, ours: str, theirs: str) -> None:
    padded = ({"pad": "~~~???>>>" * 5}, {"pad": "~~~???>>>" * 5})
    token = sign(make_claims(**padded[0]), header=padded[1])
    parts = token.split(".")
    while ours not in parts[place]:
        token = sign(make_claims(**padded[0], jti=token[-20:]), "ES256", header=padded[1])
        parts = token.split(".")
    assert parse_token(token)
    parts[place] = parts[place].replace(ours, theirs)
    with pytest.raises(ProtocolViolation, match="id_token_malformed"):
        parse_token(".".join(parts))


@given(st.text(alphabet="AQgwEIMcko048xyz-_+/= \n.é", max_size=12))
def test_a_signature_is_read_only_in_its_one_spelling(text: str) -> None:
    """Of all texts, those that an encoder writes, and no other."""
    token = f"{HEAD}.{BODY}.{text}"
    try:
        signature = parse_token(token).signature
    except (ProtocolViolation, ProviderError):
        assert not _is_canonical(text)
    else:
        assert encode(signature) == text


def _is_canonical(text: str) -> bool:
    try:
        return encode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)) == text
    except ValueError:
        return False


def test_what_is_signed_is_what_was_sent_to_the_letter() -> None:
    assert parse_token(GOOD).signing_input == f"{HEAD}.{BODY}".encode()
    assert parse_token(f"{HEAD}.{BODY}.").signing_input == f"{HEAD}.{BODY}".encode()
