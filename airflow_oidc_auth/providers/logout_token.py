"""What a logout token must say before it ends a session (OIDC Back-Channel Logout 1.0 §2.4 and §2.6). Sans-IO.

Whoever reaches our address can send one, so nothing but the signature makes it the IdP's, and an id_token, which many
have seen, must never pass for one. Whether its ``jti`` was used before is asked by whoever can remember.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation
from airflow_oidc_auth.providers.id_token import (
    IdTokenExpectation,
    check_audience,
    check_issuer,
    check_subject,
    check_times,
    read_date,
    shown,
)
from airflow_oidc_auth.providers.signed_token import SignedClaims, UnverifiedToken, parse_token

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_AGE = 24 * 3600
"""Seconds after ``iat`` when a token is refused whatever its ``exp``: used ones are remembered that long."""

_MAX_TOKEN = 16 * 1024
_MAX_TEXT = 255
# `JWT` is what several IdPs write who do not type their tokens (§2.4 recommends it); what tells a logout token from
# an id_token is `events` and the missing nonce.
_TYPES = frozenset({"logout+jwt", "application/logout+jwt", "jwt"})
_CODES = {
    "id_token_malformed": "logout_token_malformed",
    "id_token_too_large": "logout_token_malformed",
    "id_token_encrypted": "logout_token_malformed",
    "id_token_algorithm": "logout_token_algorithm",
    "id_token_key_unknown": "logout_token_key_unknown",
    "id_token_signature": "logout_token_signature",
    "id_token_issuer": "logout_token_issuer",
    "id_token_audience": "logout_token_audience",
    "id_token_expired": "logout_token_expired",
    "id_token_not_yet_valid": "logout_token_not_yet_valid",
    "id_token_claim": "logout_token_claim",
    "id_token_subject": "logout_token_claim",
}


@dataclass(frozen=True, slots=True)
class LogoutTokenExpectation:
    """What a logout token for us says.

    :param check_issuer: canonical issuer of an accepted ``iss``, or None
    :param leeway: seconds of clock difference tolerated
    :param now: epoch seconds
    """

    check_issuer: Callable[[str, Mapping[str, object]], str | None]
    client_id: str
    leeway: int
    now: float


@dataclass(frozen=True, slots=True)
class LogoutClaims:
    """Whose sessions end. At least one of ``sid`` and ``subject`` is there; with a ``sid`` only that session is meant.

    :param issuer: canonical
    :param jti: with the issuer, what must not be used a second time
    :param expires_at: epoch seconds after which the token is refused for its age alone
    """

    issuer: str
    jti: str
    expires_at: int
    sid: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)


def parse_logout_token(text: str) -> UnverifiedToken:
    """Split and decode what somebody sent.

    :raises ProtocolViolation: ``logout_token_malformed``
    """
    if len(text) > _MAX_TOKEN:
        raise ProtocolViolation("logout_token_malformed", f"a logout token of {len(text)} characters")
    try:
        return parse_token(text)
    except OidcAuthError as error:
        raise as_logout_error(error) from None


def check_logout_token(signed: SignedClaims, expected: LogoutTokenExpectation) -> LogoutClaims:
    """Run every check.

    :raises ProtocolViolation: ``logout_token_…``, one code for each rule
    """
    claims = signed.claims
    _check_type(signed.typ)
    try:
        issuer = check_issuer(claims, _as_id_token(expected))
        check_audience(claims, expected.client_id)
        check_times(claims, expected.now, expected.leeway)
        issued, expires = read_date(claims, "iat"), read_date(claims, "exp")
        subject = check_subject(claims) if "sub" in claims else None
    except ProtocolViolation as error:
        raise as_logout_error(error) from None
    _check_age(issued, expected)
    _check_events(claims)
    if "nonce" in claims:  # §2.4: keeps an id_token from being sent as a logout token
        raise ProtocolViolation("logout_token_nonce", "there is a nonce")
    sid = _text(claims, "sid") if "sid" in claims else None
    if sid is None and subject is None:
        raise ProtocolViolation("logout_token_about_nobody", "neither sub nor sid")
    until = min(expires, issued + MAX_AGE) + expected.leeway
    return LogoutClaims(issuer, _text(claims, "jti"), int(until) + 1, sid, subject)


def as_logout_error(error: OidcAuthError) -> OidcAuthError:
    """Return the error under the code that a logout token has for it; outages stay what they are."""
    code = _CODES.get(error.code)
    return error if code is None else ProtocolViolation(code, error.detail, evidence=error.evidence)


def _as_id_token(expected: LogoutTokenExpectation) -> IdTokenExpectation:
    return IdTokenExpectation(expected.check_issuer, expected.client_id, "", expected.leeway, expected.now)


def _check_type(typ: object) -> None:
    if typ is not None and not (isinstance(typ, str) and typ.lower() in _TYPES):
        raise ProtocolViolation("logout_token_type", f"typ is {shown(typ)}", evidence={"typ": shown(typ)})


def _check_age(issued: float, expected: LogoutTokenExpectation) -> None:
    age = expected.now - issued
    if age >= MAX_AGE + expected.leeway:
        raise ProtocolViolation("logout_token_expired", f"issued {age:.0f} s ago")


def _check_events(claims: Mapping[str, object]) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise ProtocolViolation("logout_token_events", "events holds no object for back-channel logout")


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        raise ProtocolViolation("logout_token_claim", f"{name} is no text of 1 to {_MAX_TEXT} characters")
    return value
