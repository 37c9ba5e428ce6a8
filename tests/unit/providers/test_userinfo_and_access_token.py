from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.access_token import read_access_token
from airflow_oidc_auth.providers.id_token import IdTokenClaims
from airflow_oidc_auth.providers.keys import parse_jwks
from airflow_oidc_auth.providers.signed_token import SignedClaims, parse_token, verify_signature
from airflow_oidc_auth.providers.transport import HttpAnswer
from airflow_oidc_auth.providers.userinfo import check_userinfo_subject, fetch_userinfo, read_userinfo
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.making import CLIENT, ISSUER, NOW, encode, make_claims, make_key, make_metadata, public, sign

ID_TOKEN = IdTokenClaims(ISSUER, "5d3a-0001", make_claims())
JWT = {"Content-Type": "application/jwt; charset=utf-8"}


class OneAnswer:
    """A transport that answers one thing."""

    def __init__(self, answer: HttpAnswer) -> None:
        self.answer = answer
        self.headers: Mapping[str, str] = {}

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        self.headers = headers or {}
        return self.answer

    def post(self, url: str, **_: Any) -> HttpAnswer:
        raise AssertionError(url)


def verify(text: str) -> SignedClaims:
    ring = parse_jwks({"keys": [public("RS256")]})
    return verify_signature(parse_token(text), ("RS256",), ring.candidates, lambda: None)


def answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return HttpAnswer(f"{ISSUER}/userinfo", status, headers or {}, body)


def read_signed(text: str) -> Mapping[str, object]:
    return read_userinfo(answer(text.encode("latin-1"), headers=JWT), CLIENT, ISSUER, verify)


def test_reads_a_signed_answer() -> None:
    claims = {"sub": "5d3a-0001", "iss": ISSUER, "aud": [CLIENT]}
    assert read_signed(sign(claims)) == claims


@pytest.mark.parametrize(
    "text",
    [
        sign({"sub": "5d3a-0001"}, key=make_key("RS512")),
        sign({"sub": "5d3a-0001"}, "ES256"),
        f"{encode({'alg': 'none'})}.{encode({'sub': '5d3a-0001'})}.",
        sign({"sub": "5d3a-0001", "iss": "https://evil.example"}),
        sign({"sub": "5d3a-0001", "aud": "other"}),
        sign({"sub": "5d3a-0001", "aud": []}),
        sign({"sub": "5d3a-0001", "aud": {CLIENT: 1}}),
        "\xff",
        "{}",
    ],
)
def test_refuses_a_badly_signed_answer(text: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_signed(text)
    assert caught.value.code == "userinfo_signature"


@pytest.mark.parametrize("sub", ["5d3a-0002", "", None, 7, ["5d3a-0001"], "5D3A-0001"])
def test_refuses_claims_about_somebody_else(sub: object) -> None:
    with pytest.raises(ProtocolViolation, match="userinfo_subject"):
        check_userinfo_subject({"sub": sub}, "5d3a-0001")


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_says_that_userinfo_refused_us(status: int) -> None:
    transport = OneAnswer(answer(b"{}", status))
    metadata = make_metadata(userinfo_endpoint=f"{ISSUER}/userinfo")
    with pytest.raises(ProviderError, match="userinfo_refused"):
        fetch_userinfo(transport, metadata, Secret("at"), ID_TOKEN, client_id=CLIENT, verify=verify)
    assert transport.headers == {"Authorization": "Bearer at"}


def test_says_that_there_is_no_userinfo() -> None:
    with pytest.raises(ProviderError, match="userinfo_missing"):
        fetch_userinfo(OneAnswer(answer(b"")), make_metadata(), Secret("at"), ID_TOKEN, client_id=CLIENT, verify=verify)


def read_access(text: str) -> Mapping[str, object]:
    return read_access_token(
        Secret(text),
        ID_TOKEN,
        verify=verify,
        accepts_issuer=lambda iss, _: ISSUER if iss == ISSUER else None,
        now=NOW,
        leeway=60,
    )


def test_reads_an_access_token_for_another_audience() -> None:
    claims = make_claims(aud="account", nonce=..., realm_access={"roles": ["ops"]})
    assert read_access(sign(claims, header={"typ": "at+jwt"})) == claims


@pytest.mark.parametrize(
    "text",
    [
        sign(make_claims(sub="somebody-else")),
        sign(make_claims(sub=...)),
        sign(make_claims(iss="https://evil.example")),
        sign(make_claims(iss=7)),
        sign(make_claims(exp=NOW - 60)),
        sign(make_claims(exp=...)),
        sign(make_claims(exp=True)),
        sign(make_claims(), key=make_key("RS512")),
        f"{encode({'alg': 'none'})}.{encode(make_claims())}.",
        "a.b.c",
    ],
)
def test_refuses_an_access_token_that_proves_nothing(text: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_access(text)
    assert caught.value.code == "access_token_invalid"


def test_says_that_the_access_token_is_opaque() -> None:
    with pytest.raises(ProviderError, match="access_token_opaque"):
        read_access("0paque")
