"""Exchange the code for tokens (RFC 6749 §4.1.3 and §4.1.4, OIDC Core §3.1.3). Asked once, never again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.oauth_error import oauth_error
from airflow_oidc_auth.providers.signed_token import MAX_TOKEN
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport
from airflow_oidc_auth.secret import Secret

_CLIENT_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
_DIGITS = 10
_DOWN = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """Tokens as they came; the id_token is not verified yet.

    :param expires_in: seconds that the access token lives, if told
    :param granted: scopes, if told (RFC 6749 §5.1)
    """

    id_token: Secret
    access_token: Secret = field(repr=False)
    refresh_token: Secret | None = None
    expires_in: int | None = None
    granted: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class RefreshAnswer:
    """As :class:`TokenAnswer`; what a refresh need not bring (OIDC Core §12.2, RFC 6749 §6) may be None."""

    access_token: Secret = field(repr=False)
    id_token: Secret | None = None
    refresh_token: Secret | None = None
    expires_in: int | None = None


def exchange_code(
    transport: Transport,
    metadata: ProviderMetadata,
    authenticator: ClientAuthenticator,
    attempt: LoginAttempt,
    code: Secret,
) -> TokenAnswer:
    """Send the token request.

    A failed request is not repeated: a code is good for one use, and using it twice makes careful IdPs
    revoke what the first use gave (RFC 6749 §4.1.2).

    :raises ProtocolViolation: ``code_refused``
    :raises ProviderError: ``client_rejected``, ``token_request_refused``, ``token_answer_malformed``,
        ``id_token_missing``, and what the transport raises
    """
    credentials = authenticator.credentials(metadata)
    form = {
        "grant_type": "authorization_code",
        "code": code.reveal(),
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.code_verifier.reveal(),
        **credentials.form,
    }
    answer = transport.post(metadata.token_endpoint, form=form, headers=credentials.headers)
    if answer.status != 200:
        raise token_refusal(answer, (code, attempt.code_verifier, authenticator.settings.client_secret))
    return read_token_answer(answer.json())


def read_token_answer(document: object) -> TokenAnswer:
    """Check a successful answer. Sans-IO.

    :raises ProviderError: ``token_answer_malformed``, ``id_token_missing``
    """
    answer = read_refresh_answer(document)
    if answer.id_token is None:
        raise ProviderError("id_token_missing", "there is no id_token")
    scope = document.get("scope") if isinstance(document, dict) else None
    granted = frozenset(scope.split()) if isinstance(scope, str) and scope.strip() else None
    return TokenAnswer(answer.id_token, answer.access_token, answer.refresh_token, answer.expires_in, granted)


def read_refresh_answer(document: object) -> RefreshAnswer:
    """Check a successful answer that need not hold an id_token. Sans-IO.

    :raises ProviderError: ``token_answer_malformed``
    """
    if not isinstance(document, dict):
        raise ProviderError("token_answer_malformed", "the token answer is no object")
    token_type = document.get("token_type")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise ProviderError("token_answer_malformed", "token_type is not Bearer")
    access_token = read_token(document, "access_token")
    if access_token is None:
        raise ProviderError("token_answer_malformed", "there is no access_token")
    return RefreshAnswer(
        access_token, read_token(document, "id_token"), read_token(document, "refresh_token"), read_lifetime(document)
    )


def token_refusal(answer: HttpAnswer, secrets: tuple[Secret | None, ...]) -> OidcAuthError:
    """Say what a refused token request means and who must act."""
    error, evidence = oauth_error(answer, secrets)
    detail = f"the token endpoint answered {answer.status} {error!r}"
    if error == "invalid_grant":
        return ProtocolViolation("code_refused", detail, evidence=evidence)
    if error in _CLIENT_ERRORS or (not error and answer.status == 401):
        return ProviderError("client_rejected", detail, evidence=evidence)
    if error in _DOWN:
        return ProviderError("provider_failing", detail, evidence=evidence)
    return ProviderError("token_request_refused", detail, evidence=evidence)


def read_lifetime(document: Mapping[str, object]) -> int | None:
    """Return ``expires_in`` (RFC 6749 §5.1); some IdPs write it as text."""
    value = document.get("expires_in")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 10**_DIGITS:
        return None
    return int(value)


def read_token(document: Mapping[str, object], name: str) -> Secret | None:
    """Return a token that may go into a header, or None if there is none.

    :raises ProviderError: ``token_answer_malformed``
    """
    value = document.get(name)
    if value is None or value == "":
        return None
    # Printable ASCII only: a line break in an access token would write headers of its own.
    if not isinstance(value, str) or len(value) > MAX_TOKEN or not (value.isascii() and value.isprintable()):
        raise ProviderError("token_answer_malformed", f"{name} is no token")
    return Secret(value)
