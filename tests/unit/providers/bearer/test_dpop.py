"""RFC 9449 §4.3: a proof for this request, this token and this key, once."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.providers.bearer.addresses import same_address
from airflow_oidc_auth.providers.bearer.dpop import MAX_PROOF, check_proof
from airflow_oidc_auth.providers.bearer.proof_memory import ProofMemory
from tests.unit.providers.making import NOW, encode, make_key, public, sign

URL = "https://airflow.example/api/v2/dags"
TOKEN = "the-access-token"
ATH = base64.urlsafe_b64encode(hashlib.sha256(TOKEN.encode()).digest()).rstrip(b"=").decode()


def thumbprint(algorithm: str = "ES256") -> str:
    """RFC 7638 §3, without any library."""
    members = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
    jwk = public(algorithm)
    text = json.dumps({name: jwk[name] for name in members[jwk["kty"]]}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def make_proof(algorithm: str = "ES256", header: dict[str, Any] | None = None, key: Any = None, **changes: Any) -> str:
    good = {"jti": "p-1", "htm": "GET", "htu": URL, "iat": int(NOW), "ath": ATH}
    said = {"typ": "dpop+jwt", "jwk": public(algorithm), **(header or {})}
    return sign(
        {name: value for name, value in {**good, **changes}.items() if value is not ...},
        algorithm,
        key=key,
        header={name: value for name, value in said.items() if value is not ...},
    )


def check(*proofs: str, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "method": "GET",
        "url": URL,
        "access_token": TOKEN,
        "jkt": thumbprint(),
        "now": NOW,
        "seen": ProofMemory(),
    }
    return check_proof(proofs, **{**fields, **changes})


def code_of(*proofs: str, **changes: Any) -> str:
    with pytest.raises(TokenRefused) as refused:
        check(*proofs, **changes)
    assert refused.value.error == "invalid_dpop_proof"
    return refused.value.code


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_a_proof_names_the_key_that_made_it(algorithm: str) -> None:
    assert check(make_proof(algorithm), jkt=thumbprint(algorithm)) == thumbprint(algorithm)
    assert check(make_proof(algorithm), jkt=None) == thumbprint(algorithm)


def test_at_the_token_endpoint_there_is_no_token_yet() -> None:
    assert check(make_proof(ath=...), access_token=None)


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"htm": "POST"}, "dpop_method"),
        ({"htm": "get"}, "dpop_method"),
        ({"htm": ...}, "dpop_method"),
        ({"htm": ["GET"]}, "dpop_method"),
        ({"htu": ...}, "dpop_address"),
        ({"htu": [URL]}, "dpop_address"),
        ({"htu": "https://evil.example/api/v2/dags"}, "dpop_address"),
        ({"htu": "http://airflow.example/api/v2/dags"}, "dpop_address"),
        ({"htu": "https://airflow.example:8443/api/v2/dags"}, "dpop_address"),
        ({"htu": URL + "/x"}, "dpop_address"),
        ({"htu": URL + "/"}, "dpop_address"),
        ({"htu": "/api/v2/dags"}, "dpop_address"),
        ({"htu": "https://user@airflow.example/api/v2/dags"}, "dpop_address"),
        ({"iat": int(NOW) - 61}, "dpop_time"),
        ({"iat": int(NOW) + 61}, "dpop_time"),
        ({"iat": ...}, "dpop_time"),
        ({"iat": str(int(NOW))}, "dpop_time"),
        ({"iat": True}, "dpop_time"),
        ({"iat": 10**400}, "dpop_time"),
        ({"ath": ...}, "dpop_token"),
        ({"ath": "x"}, "dpop_token"),
        ({"ath": None}, "dpop_token"),
        ({"ath": [ATH]}, "dpop_token"),
        ({"jti": ...}, "dpop_malformed"),
        ({"jti": ""}, "dpop_malformed"),
        ({"jti": 7}, "dpop_malformed"),
        ({"jti": "x" * 256}, "dpop_malformed"),
    ],
)  # fmt: skip
def test_a_proof_that_breaks_one_rule_is_refused(changes: dict[str, Any], code: str) -> None:
    assert code_of(make_proof(**changes)) == code


@pytest.mark.parametrize(
    "header,code",
    [
        ({"typ": "JWT"}, "dpop_malformed"),
        ({"typ": ...}, "dpop_malformed"),
        ({"typ": "at+jwt"}, "dpop_malformed"),
        ({"typ": ["dpop+jwt"]}, "dpop_malformed"),
        ({"crit": ["x"]}, "dpop_malformed"),
        ({"jwk": ...}, "dpop_key"),
        ({"jwk": None}, "dpop_key"),
        ({"jwk": "key"}, "dpop_key"),
        ({"jwk": {}}, "dpop_key"),
        ({"jwk": {"kty": "EC"}}, "dpop_key"),
        ({"jwk": {"kty": ["EC"]}}, "dpop_key"),
        ({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, "dpop_key"),
        ({"jwk": {**public("ES256"), "x": 7}}, "dpop_key"),
        ({"jwk": {**public("ES256"), "x": "AAAA"}}, "dpop_key"),
        ({"jwk": {**public("ES256"), "crv": "P-384"}}, "dpop_key"),
        ({"jwk": ECKey.generate_key("P-256").as_dict(private=True)}, "dpop_key"),
        ({"jwk": public("ES384")}, "dpop_key"),
        ({"jwk": public("RS256")}, "dpop_key"),
        ({"jwk": ..., "jku": "https://evil.example/keys", "kid": "k"}, "dpop_key"),
        ({"jwk": ECKey.generate_key("P-256").as_dict(private=False)}, "dpop_signature"),
    ],
)  # fmt: skip
def test_a_header_that_breaks_one_rule_is_refused(header: dict[str, Any], code: str) -> None:
    assert code_of(make_proof(header=header), jkt=None) == code


def test_private_members_are_refused_although_they_would_verify() -> None:
    private = make_key("ES256").as_dict(private=True)
    assert code_of(make_proof(header={"jwk": private})) == "dpop_key"


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_weak_key_proves_nothing() -> None:
    weak = RSAKey.generate_key(1024)
    proof = make_proof("RS256", header={"jwk": weak.as_dict(private=False)}, key=weak)
    assert code_of(proof, jkt=None) == "dpop_key"


def key_with_exponent(exponent: int) -> RSAKey:
    """Return a key that signs and verifies, with a public exponent of anybody's choice."""
    while True:
        numbers = rsa.generate_private_key(65537, 2048).private_numbers()
        p, q = numbers.p, numbers.q
        if math.gcd(exponent, (p - 1) * (q - 1)) == 1:
            break
    d = pow(exponent, -1, (p - 1) * (q - 1))
    made = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), numbers.iqmp, rsa.RSAPublicNumbers(exponent, p * q)
    )
    pem = made.private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return RSAKey.import_key(pem)


def test_a_key_that_strangers_made_slow_is_not_tried() -> None:
    for exponent, good in ((65537, True), (2**64 + 13, False)):
        key = key_with_exponent(exponent)
        proof = make_proof("RS256", header={"jwk": key.as_dict(private=False)}, key=key)
        if good:
            assert check(proof, jkt=None)
        else:
            assert code_of(proof, jkt=None) == "dpop_key"
    assert code_of(make_proof("RS256", header={"jwk": {**public("RS256"), "n": "A" * 684}}), jkt=None) == "dpop_key"


def test_keys_of_4096_bits_are_usual() -> None:
    key = RSAKey.generate_key(4096)
    assert check(make_proof("RS256", header={"jwk": key.as_dict(private=False)}, key=key), jkt=None)


@pytest.mark.parametrize("alg", ["none", "HS256", "", "RS1", 7])
def test_only_asymmetric_signatures_prove_possession(alg: object) -> None:
    _, payload, signature = make_proof().split(".")
    header = encode({"typ": "dpop+jwt", "alg": alg, "jwk": public("ES256")})
    assert code_of(f"{header}.{payload}.{signature}") == "dpop_algorithm"
    assert code_of(f"{header}.{payload}.") == "dpop_algorithm"


def test_another_key_than_the_tokens_is_refused() -> None:
    other = OKPKey.generate_key("Ed25519")
    proof = make_proof("EdDSA", header={"jwk": other.as_dict(private=False)}, key=other)
    assert code_of(proof) == "dpop_other_key"


@pytest.mark.parametrize(
    "proofs,code",
    [
        ((), "dpop_missing"),
        ((make_proof(), make_proof(jti="p-2")), "dpop_malformed"),
        ((make_proof(), make_proof()), "dpop_malformed"),
        (("",), "dpop_malformed"),
        (("a.b.c",), "dpop_malformed"),
        ((make_proof() + "," + make_proof(),), "dpop_malformed"),
        ((make_proof() + "=",), "dpop_malformed"),
        ((make_proof(padding="x" * MAX_PROOF),), "dpop_malformed"),
    ],
)
def test_there_is_exactly_one_proof(proofs: tuple[str, ...], code: str) -> None:
    assert code_of(*proofs) == code


def test_a_proof_counts_once_and_only_a_good_one_is_used_up() -> None:
    seen, proof = ProofMemory(), make_proof()
    assert code_of(proof, url=URL + "/x", seen=seen) == "dpop_address"
    assert code_of(proof, now=NOW + 61, seen=seen) == "dpop_time"
    assert check(proof, seen=seen)
    for later in (0, 1, 59, 60):
        assert code_of(proof, now=NOW + later, seen=seen) == "dpop_replayed"
    assert code_of(make_proof(iat=int(NOW) + 1), seen=seen) == "dpop_replayed"  # the jti is what counts
    assert check(make_proof(jti="p-2"), seen=seen)


def test_a_proof_from_a_clock_ahead_is_remembered_until_it_is_too_old() -> None:
    seen, proof = ProofMemory(), make_proof(iat=int(NOW) + 60)
    assert check(proof, seen=seen)
    assert code_of(proof, now=NOW + 120, seen=seen) == "dpop_replayed"
    assert code_of(proof, now=NOW + 121, seen=seen) == "dpop_time"


def test_memory_of_proofs_is_bounded_and_each_key_has_its_own_share() -> None:
    seen = ProofMemory(max_keys=3, max_proofs=5)
    assert seen.use("victim", "v", now=0, until=100)
    for number in range(5):
        assert seen.use("flooder", f"{number}", now=0, until=100)
    assert not seen.use("flooder", "more", now=0, until=100)
    assert not seen.use("victim", "v", now=0, until=100)
    assert seen.use("victim", "w", now=0, until=100)
    assert seen.use("flooder", "later", now=100, until=200)
    for key in ("a", "b", "c", "d"):
        assert seen.use(key, "x", now=100, until=200)
    assert len(seen._by_key) == 3


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 9)), max_size=30))
def test_no_proof_is_used_twice_while_it_would_be_accepted(uses: list[tuple[str, str, int]]) -> None:
    seen, now, accepted = ProofMemory(), 0, {}  # type: ignore[var-annotated]
    for key, jti, passed in uses:
        now += passed
        used = seen.use(key, jti, now=now, until=now + 10)
        assert used is (accepted.get((key, jti), 0) <= now)
        if used:
            accepted[key, jti] = now + 10


# --------------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "htu",
    [
        "https://airflow.example/api/v2/dags",
        "HTTPS://AIRFLOW.EXAMPLE/api/v2/dags",
        "https://airflow.example:443/api/v2/dags",
        "https://airflow.example:/api/v2/dags",
        "https://airflow.example/api/v2/dags?limit=5",
        "https://airflow.example/api/v2/dags#top",
        "https://airflow.example/api/./v2/x/../dags",
        "https://airflow.example/%61pi/v2/d%61gs",
    ],
)
def test_spellings_of_one_address_are_one(htu: str) -> None:
    assert same_address(htu, URL)
    assert check(make_proof(htu=htu), url=URL + "?limit=10")


@pytest.mark.parametrize(
    "given_url,expected",
    [
        ("https://a.example/x%2Fy", "https://a.example/x/y"),
        ("https://a.example/x%3Fy", "https://a.example/x?y"),
        ("https://a.example/A", "https://a.example/a"),
        ("https://a.example//x", "https://a.example/x"),
        ("https://a.example/x/..", "https://a.example/x"),
        ("https://a.example.evil.example/", "https://a.example/"),
        ("https://a.example@evil.example/", "https://a.example/"),
        ("https://a.example\\@evil.example/", "https://a.example/"),
        ("https://a.example:x/", "https://a.example/"),
        ("https://[::1/", "https://a.example/"),
        ("https://a.ex\u0430mple/", "https://a.example/"),
        ("https://\u212aafka.example/", "https://kafka.example/"),  # the Kelvin sign, whose small letter is k
        ("https://a.example/\n", "https://a.example/"),
        ("ftp://a.example/", "ftp://a.example/"),
        ("", ""),
        ("x" * 5000, "x" * 5000),
    ],
)
def test_other_addresses_are_other_ones_and_what_is_no_address_equals_nothing(given_url: str, expected: str) -> None:
    assert not same_address(given_url, expected)


@pytest.mark.parametrize("path", ["/%7euser", "/~user", "/%7Euser", "/a/../~user", "/./~user"])
def test_needless_escapes_are_undone_and_dots_resolved(path: str) -> None:
    assert same_address(f"https://a.example{path}", "https://a.example/~user")


def test_escapes_that_are_needed_are_compared_without_regard_to_case() -> None:
    assert same_address("https://a.example/%c3%a9", "https://a.example/%C3%A9")
    assert same_address("http://127.0.0.1:80", "http://127.0.0.1/")


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_the_comparison(first: str, second: str) -> None:
    for prefix in ("", "https://a.example/"):
        assert same_address(prefix + first, prefix + second) == same_address(prefix + second, prefix + first)
