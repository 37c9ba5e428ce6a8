"""The same rules as for an id_token, under the codes of an access token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError, TokenRefused

_CODES = {
    "id_token_malformed": "token_malformed",
    "id_token_too_large": "token_too_large",
    "id_token_encrypted": "token_malformed",
    "id_token_algorithm": "token_algorithm",
    "id_token_key_unknown": "token_key_unknown",
    "id_token_signature": "token_signature",
    "id_token_issuer": "token_issuer",
    "id_token_audience": "token_audience",
    "id_token_azp": "token_audience",
    "id_token_expired": "token_expired",
    "id_token_not_yet_valid": "token_not_yet_valid",
    "id_token_claim": "token_claim",
    "id_token_subject": "token_subject",
    "identity_refused": "token_not_accepted",
}


@contextmanager
def as_token_errors() -> Iterator[None]:
    """Translate; outages stay what they are, because nobody can say whether the token is good."""
    try:
        yield
    except (ProtocolViolation, LoginRefused, ProviderError) as error:
        raise token_error(error) from None


def token_error(error: OidcAuthError) -> OidcAuthError:
    """Return the error as the API tells it."""
    code = _CODES.get(error.code)
    if code is not None:
        return TokenRefused(code, error.detail, evidence=error.evidence)
    if isinstance(error, LoginRefused):
        return TokenRefused("token_not_accepted", f"{error.code}: {error.detail}", evidence=error.evidence)
    return error
