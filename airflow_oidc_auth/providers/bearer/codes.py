"""The same rules as for an id_token, under the codes of an access token."""

from __future__ import annotations

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, TokenRefused

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


class AsTokenErrors:
    """Translates; outages stay what they are, because nobody can say whether the token is good."""

    def __enter__(self) -> None:
        """Nothing is kept."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the error as the API tells it."""
        if isinstance(error, OidcAuthError):
            translated = token_error(error)
            if translated is not error:
                raise translated from None


AS_TOKEN_ERRORS = AsTokenErrors()


def token_error(error: OidcAuthError) -> OidcAuthError:
    """Return the error as the API tells it."""
    code = _CODES.get(error.code)
    if code is not None:
        return TokenRefused(code, error.detail, evidence=error.evidence)
    if isinstance(error, LoginRefused):
        return TokenRefused("token_not_accepted", f"{error.code}: {error.detail}", evidence=error.evidence)
    return error
