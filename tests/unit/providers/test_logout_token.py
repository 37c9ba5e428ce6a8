"""OIDC Back-Channel Logout 1.0: every rule, with the token that breaks only this one."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.logout_token import (
    EVENT,
    MAX_AGE,
    LogoutTokenExpectation,
    check_logout_token,
    parse_logout_token,
)
from airflow_oidc_auth.providers.signed_token import SignedClaims
from tests.unit.providers.making import CLIENT, ISSUER, NOW, sign

LEEWAY = 60


def expectation(now: float = NOW) -> LogoutTokenExpectation:
    return LogoutTokenExpectation(lambda iss, _: iss if iss == ISSUER else None, CLIENT, LEEWAY, now)


def claims(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": int(NOW),
        "exp": int(NOW) + 120,
        "jti": "j-1",
        "events": {EVENT: {}},
        "sub": "5d3a-0001",
        "sid": "s-1",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def check(typ: object = "logout+jwt", now: float = NOW, **changes: Any) -> Any:
    return check_logout_token(SignedClaims(claims(**changes), "RS256", typ), expectation(now))


def test_says_whose_sessions_end_and_how_long_to_remember_it() -> None:
    found = check()
    assert (found.issuer, found.sid, found.subject, found.jti) == (ISSUER, "s-1", "5d3a-0001", "j-1")
    assert found.expires_at >= NOW + 120 + LEEWAY
    assert "s-1" not in repr(found)


@pytest.mark.parametrize("changes", [{"sid": ...}, {"sub": ...}, {"events": {EVENT: {}, "urn:other": 1}}])
def test_a_session_or_a_person_is_enough(changes: dict[str, Any]) -> None:
    assert check(**changes).jti == "j-1"


@pytest.mark.parametrize("typ", ["logout+jwt", "LOGOUT+JWT", "application/logout+jwt", "JWT", None])
def test_accepts_the_types_that_idps_write(typ: object) -> None:
    assert check(typ).sid == "s-1"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("logout_token_type", {"typ": "at+jwt"}),
        ("logout_token_type", {"typ": "secevent+jwt"}),
        ("logout_token_type", {"typ": ""}),
        ("logout_token_type", {"typ": ["logout+jwt"]}),
        ("logout_token_issuer", {"iss": "https://idp.attacker.example"}),
        ("logout_token_issuer", {"iss": f"{ISSUER}/"}),
        ("logout_token_issuer", {"iss": ...}),
        ("logout_token_audience", {"aud": "another-client"}),
        ("logout_token_audience", {"aud": ["one", "two"]}),
        ("logout_token_audience", {"aud": []}),
        ("logout_token_audience", {"aud": {CLIENT: True}}),
        ("logout_token_audience", {"aud": ...}),
        ("logout_token_claim", {"iat": ...}),
        ("logout_token_claim", {"iat": str(int(NOW))}),
        ("logout_token_claim", {"iat": True}),
        ("logout_token_claim", {"exp": ...}),
        ("logout_token_claim", {"exp": "never"}),
        ("logout_token_claim", {"exp": 10**400}),
        ("logout_token_not_yet_valid", {"iat": int(NOW) + LEEWAY + 1}),
        ("logout_token_not_yet_valid", {"nbf": int(NOW) + LEEWAY + 1}),
        ("logout_token_expired", {"exp": int(NOW) - LEEWAY}),
        ("logout_token_expired", {"iat": int(NOW) - MAX_AGE - LEEWAY, "exp": int(NOW) + 10**6}),
        ("logout_token_claim", {"jti": ...}),
        ("logout_token_claim", {"jti": ""}),
        ("logout_token_claim", {"jti": 7}),
        ("logout_token_claim", {"jti": "x" * 256}),
        ("logout_token_events", {"events": ...}),
        ("logout_token_events", {"events": {}}),
        ("logout_token_events", {"events": EVENT}),
        ("logout_token_events", {"events": [EVENT]}),
        ("logout_token_events", {"events": {EVENT: None}}),
        ("logout_token_events", {"events": {EVENT: True}}),
        ("logout_token_events", {"events": {"http://schemas.openid.net/event/other": {}}}),
        ("logout_token_nonce", {"nonce": "n"}),
        ("logout_token_nonce", {"nonce": None}),
        ("logout_token_about_nobody", {"sid": ..., "sub": ...}),
        ("logout_token_claim", {"sid": 7}),
        ("logout_token_claim", {"sid": ""}),
        ("logout_token_claim", {"sid": "s\n1"}),
        ("logout_token_claim", {"sub": 7}),
        ("logout_token_claim", {"sub": "", "sid": "s-1"}),
        ("logout_token_claim", {"sub": ["5d3a-0001"]}),
    ],
)
def test_refuses_each_broken_rule_with_its_code(code: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        check(**changes)
    assert caught.value.code == code


def test_what_is_remembered_outlives_what_is_accepted() -> None:
    for changes in ({}, {"exp": int(NOW) + 10**6}, {"iat": int(NOW) - 1000}):
        until = check(**changes).expires_at
        with pytest.raises(ProtocolViolation, match="logout_token_expired"):
            check(now=until, **changes)


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "x" * 20_000, "a.b.c.d.e", "ä.b.c"])
def test_refuses_what_is_no_token(text: str) -> None:
    with pytest.raises(ProtocolViolation, match="logout_token_malformed"):
        parse_logout_token(text)


def test_refuses_a_critical_header() -> None:
    with pytest.raises(ProtocolViolation, match="logout_token_malformed"):
        parse_logout_token(sign(claims(), header={"crit": ["x"], "x": 1}))
