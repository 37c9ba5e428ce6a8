"""What a token says of itself, to choose who judges it. Bounded, and never believed."""

from __future__ import annotations

from airflow_oidc_auth.errors import OidcAuthError, TokenRefused
from airflow_oidc_auth.providers.bearer.codes import token_error
from airflow_oidc_auth.providers.signed_token import UnverifiedToken, parse_token

MAX_BEARER = 32 * 1024
_JSON_OBJECT = "eyJ"  # `{"` in base64url


def parse_bearer(token: str) -> UnverifiedToken | None:
    """Split and decode a JWT; None for what is none, which only its issuer can tell anything about.

    :raises TokenRefused: ``token_too_large``; ``token_malformed`` for a JWT that is broken, ambiguous or unsigned
    """
    if len(token) > MAX_BEARER:
        raise TokenRefused("token_too_large", f"a token of {len(token)} characters")
    if not token.startswith(_JSON_OBJECT) or token.count(".") != 2:
        return None
    try:
        return parse_token(token)
    except OidcAuthError as error:
        raise token_error(error) from None


class Parser:
    """Parses a token once for the two who look at it: whoever chooses the issuer, and then the issuer.

    Keeps the last token between the two, and no longer. Safe to use from several threads: whoever finds another
    token there parses again.
    """

    def __init__(self) -> None:
        self._kept: tuple[str, UnverifiedToken | None] | None = None

    def choose(self, token: str) -> UnverifiedToken | None:
        """Parse and keep; see :func:`parse_bearer`."""
        parsed = parse_bearer(token)
        self._kept = (token, parsed)
        return parsed

    def judge(self, token: str) -> UnverifiedToken | None:
        """Return what was kept of this very token, or parse."""
        kept = self._kept
        if kept is None or kept[0] is not token:
            return parse_bearer(token)
        self._kept = None
        return kept[1]


def unverified_audiences(token: UnverifiedToken) -> frozenset[str]:
    """Return the texts of ``aud``."""
    aud = token.claims.get("aud")
    named = aud if isinstance(aud, list) else [aud]
    return frozenset(one for one in named if isinstance(one, str))
