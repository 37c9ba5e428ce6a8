"""GitHub's token endpoint: RFC 6749 with errors under status 200 and scopes separated by commas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.oauth_error import oauth_error
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.token_endpoint import read_lifetime, read_token
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport
from airflow_oidc_auth.secret import Secret

_CODE_ERRORS = frozenset({"bad_verification_code", "invalid_grant"})
_CLIENT_ERRORS = frozenset({"incorrect_client_credentials", "invalid_client", "unauthorized_client"})
_GONE = frozenset({"bad_refresh_token", "invalid_grant"})


@dataclass(frozen=True, slots=True)
class GithubTokens:
    """What GitHub gives.

    :param refresh_token: only of GitHub Apps whose tokens expire
    :param expires_in: seconds; None for tokens that do not expire
    :param granted: scopes of the access token; empty for GitHub Apps, whose permissions are not scopes
    """

    access_token: Secret = field(repr=False)
    refresh_token: Secret | None = None
    expires_in: int | None = None
    granted: frozenset[str] = frozenset()


def redeem_code(settings: ProviderSettings, transport: Transport, attempt: LoginAttempt, code: Secret) -> GithubTokens:
    """RFC 6749 §4.1.3.

    :raises ProtocolViolation: ``code_refused``
    :raises ProviderError: ``client_rejected``, ``token_request_refused``, ``token_answer_malformed``
    """
    verifier = attempt.code_verifier
    form = {"code": code.reveal(), "redirect_uri": attempt.redirect_uri, "code_verifier": verifier.reveal()}
    answer = _ask(settings, transport, form)
    if _is_refusal(answer):
        raise _refusal(answer, (code, verifier, settings.client_secret))
    return _read(answer.json_object())


def refresh(settings: ProviderSettings, transport: Transport, refresh_token: Secret) -> GithubTokens:
    """RFC 6749 §6; both tokens are new afterwards.

    :raises LoginRefused: ``session_refused_by_provider``
    :raises ProviderError: as :func:`redeem_code`
    """
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
    answer = _ask(settings, transport, form)
    if _is_refusal(answer):
        secrets = (refresh_token, settings.client_secret)
        error, evidence = oauth_error(answer, secrets)
        if error in _GONE:
            raise LoginRefused("session_refused_by_provider", f"the refresh was answered {error!r}", evidence=evidence)
        raise _refusal(answer, secrets)
    return _read(answer.json_object())


def _ask(settings: ProviderSettings, transport: Transport, form: Mapping[str, str]) -> HttpAnswer:
    secret = settings.client_secret
    credentials = {"client_id": settings.client_id, **({"client_secret": secret.reveal()} if secret else {})}
    return transport.post(f"{settings.issuer}/login/oauth/access_token", form={**credentials, **form})


def _is_refusal(answer: HttpAnswer) -> bool:
    return answer.status != 200 or "error" in answer.json_object()


def _refusal(answer: HttpAnswer, secrets: tuple[Secret | None, ...]) -> OidcAuthError:
    error, evidence = oauth_error(answer, secrets)
    detail = f"GitHub's token endpoint answered {answer.status} {error!r}"
    if error in _CODE_ERRORS:
        return ProtocolViolation("code_refused", detail, evidence=evidence)
    if error in _CLIENT_ERRORS or (answer.status in (401, 404) and not error):
        return ProviderError("client_rejected", detail, evidence=evidence)
    return ProviderError("token_request_refused", detail, evidence=evidence)


def _read(document: Mapping[str, object]) -> GithubTokens:
    access_token = read_token(document, "access_token")
    if access_token is None:
        raise ProviderError("token_answer_malformed", "there is no access_token")
    if str(document.get("token_type", "")).lower() != "bearer":
        raise ProviderError("token_answer_malformed", "token_type is not bearer")
    scope = document.get("scope")
    granted = frozenset(scope.replace(",", " ").split()) if isinstance(scope, str) else frozenset()
    return GithubTokens(access_token, read_token(document, "refresh_token"), read_lifetime(document), granted)
