"""Logout tokens: anybody can send one, and a believed one ends sessions."""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.logout_token import EVENT
from airflow_oidc_auth.providers.oidc import OidcProvider
from airflow_oidc_auth.providers.presets import preset
from tests.fuzz.jws import KID, check_common, check_forgery, send
from tests.fuzz.jws import WORDS as COMMON
from tests.unit.providers.bearer.tokens import Documents
from tests.unit.providers.making import CLIENT, ISSUER, NOW, Clock, make_settings, sign

WORDS = (*COMMON, '"logout+jwt"', f'"{EVENT}"', '{"' + EVENT + '":{}}')


def claims() -> dict[str, Any]:
    """Return what a good logout token says."""
    good = {"iss": ISSUER, "aud": CLIENT, "iat": int(NOW), "exp": int(NOW) + 120, "jti": "j-1", "events": {EVENT: {}}}
    return {**good, "sub": "5d3a-0001", "sid": "s-1"}


@cache
def genuine() -> str:
    """Return a logout token that is believed."""
    return sign(claims(), "ES256", header={"kid": KID, "typ": "logout+jwt"})


@cache
def _provider() -> OidcProvider:
    return OidcProvider(make_settings(), preset("oidc"), Documents(), Clock(), spawn=lambda work: work())


def run(data: bytes) -> None:
    """Hand over the logout token that these bytes stand for."""
    sent = send(data, genuine())
    try:
        found = _provider().read_logout_token(sent.text)
    except OidcAuthError:
        return
    assert found.sid or found.subject
    if check_forgery(sent, genuine()):
        return
    said = check_common(sent, CLIENT, NOW, make_settings().leeway)
    assert "nonce" not in said
    assert isinstance(said["events"], dict)
    assert EVENT in said["events"]
    assert (found.jti, found.subject) == (said["jti"], said.get("sub"))
