"""Sign-in with GitHub: OAuth 2 with ``state`` and PKCE, then the REST API says who it is.

There is no id_token, so nothing is signed: identity rests on the access token, which comes over TLS in the
answer to our own token request and is used with GitHub's API alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.authorization import authorization_parameters, read_authorization_response
from airflow_oidc_auth.providers.github_account import GithubAccount, api_base
from airflow_oidc_auth.providers.live_check import read_date
from airflow_oidc_auth.providers.oauth_error import oauth_error
from airflow_oidc_auth.providers.provider import Finding, SignIn
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport
from airflow_oidc_auth.secret import Secret

_CODE_ERRORS = frozenset({"bad_verification_code", "invalid_grant"})
_CLIENT_ERRORS = frozenset({"incorrect_client_credentials", "invalid_client", "unauthorized_client"})


class GitHubProvider:
    """Implements :class:`airflow_oidc_auth.providers.provider.Provider`."""

    def __init__(
        self, settings: ProviderSettings, transport: Transport, clock: Callable[[], float] = time.time
    ) -> None:
        self.id = settings.id
        self.label = settings.label
        self.preset = settings.preset
        self.issuer = settings.issuer
        self._settings = settings
        self._transport = transport
        self._clock = clock

    def build_authorization_url(self, attempt: LoginAttempt) -> str:
        """Return GitHub's sign-in page; nothing is fetched."""
        parameters = authorization_parameters(self._settings, attempt)
        del parameters["nonce"]  # OpenID Connect's, and this is not
        if attempt.other_account:
            parameters["prompt"] = "select_account"
        return f"{self.issuer}/login/oauth/authorize?{urlencode(parameters)}"

    def complete(self, attempt: LoginAttempt, response: Mapping[str, str]) -> SignIn:
        """Check the answer, redeem the code, read the account."""
        code = read_authorization_response(
            response, attempt, accepts_issuer=self._is_our_issuer, require_issuer=self._settings.require_iss_parameter
        )
        tokens = self._redeem(attempt, code)
        account = GithubAccount(self._settings, self._transport, _token(tokens, "access_token"), _scopes(tokens))
        return SignIn(account.read_identity(), refresh_token=_optional_token(tokens, "refresh_token"))

    def build_logout_url(self, *, id_token_hint: Secret | None, post_logout_redirect_uri: str) -> str | None:
        """GitHub has no logout for applications."""
        return None

    def warm_up(self) -> None:
        """There is no discovery and there are no keys."""

    def diagnose(self, *, redirect_uri: str = "") -> Sequence[Finding]:
        """Ask the API, without credentials, whether it is there and what time it is."""
        url = f"{api_base(self.issuer)}/meta"
        try:
            answer = self._transport.get(url)
        except ProviderError as error:
            return (Finding("error", "api", f"{url}: {error.detail}", error.hint),)
        # Enterprise Server in private mode answers 401 to everybody who is not signed in.
        if answer.status not in (200, 401):
            return (Finding("error", "api", f"{url} answered {answer.status}", "check `host` of the provider"),)
        return (Finding("ok", "api", f"{url} answered {answer.status}"), *self._clock_findings(answer))

    def _clock_findings(self, answer: HttpAnswer) -> Sequence[Finding]:
        told = read_date(answer)
        if told is None:
            return ()
        difference = round(self._clock() - told)
        if abs(difference) <= self._settings.leeway:
            return (Finding("ok", "clock", f"differs by {difference} s"),)
        return (Finding("warning", "clock", f"differs by {difference} s", "set the clock of this server (NTP)"),)

    def _is_our_issuer(self, iss: str) -> bool:
        return iss in (self.issuer, f"{self.issuer}/login/oauth")

    def _redeem(self, attempt: LoginAttempt, code: Secret) -> Mapping[str, object]:
        """RFC 6749 §4.1.3; GitHub reports errors with status 200."""
        secret = self._settings.client_secret
        form = {
            "client_id": self._settings.client_id,
            "code": code.reveal(),
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.code_verifier.reveal(),
        }
        if secret is not None:
            form["client_secret"] = secret.reveal()
        answer = self._transport.post(f"{self.issuer}/login/oauth/access_token", form=form)
        if answer.status != 200 or "error" in answer.json_object():
            raise _refusal(answer, (code, attempt.code_verifier, secret))
        return answer.json_object()


def _refusal(answer: HttpAnswer, secrets: tuple[Secret | None, ...]) -> OidcAuthError:
    error, evidence = oauth_error(answer, secrets)
    detail = f"GitHub's token endpoint answered {answer.status} {error!r}"
    if error in _CODE_ERRORS:
        return ProtocolViolation("code_refused", detail, evidence=evidence)
    if error in _CLIENT_ERRORS or (answer.status in (401, 404) and not error):
        return ProviderError("client_rejected", detail, evidence=evidence)
    return ProviderError("token_request_refused", detail, evidence=evidence)


def _token(document: Mapping[str, object], name: str) -> Secret:
    value = document.get(name)
    # Printable ASCII only: a line break in an access token would write headers of its own.
    if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
        raise ProviderError("token_answer_malformed", f"{name} is missing or no token")
    if str(document.get("token_type", "")).lower() != "bearer":
        raise ProviderError("token_answer_malformed", "token_type is not bearer")
    return Secret(value)


def _optional_token(document: Mapping[str, object], name: str) -> Secret | None:
    return _token(document, name) if document.get(name) else None


def _scopes(document: Mapping[str, object]) -> frozenset[str]:
    """GitHub separates granted scopes by commas."""
    scope = document.get("scope")
    return frozenset(scope.replace(",", " ").split()) if isinstance(scope, str) else frozenset()
