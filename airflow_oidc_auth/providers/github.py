"""Sign-in with GitHub: OAuth 2 with ``state`` and PKCE, then the REST API says who it is.

There is no id_token, so nothing is signed: identity rests on the access token, which comes over TLS in the
answer to our own token request and is used with GitHub's API alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.authorization import authorization_parameters, read_authorization_response
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted
from airflow_oidc_auth.providers.github_account import GithubAccount, api_base
from airflow_oidc_auth.providers.github_tokens import GithubTokens, redeem_code, refresh
from airflow_oidc_auth.providers.held_access_token import hold_access_token, read_held_token
from airflow_oidc_auth.providers.live_check import read_date
from airflow_oidc_auth.providers.provider import Confirmation, Finding, HeldTokens, SignIn
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport
from airflow_oidc_auth.secret import Secret

_MARGIN = 900
"""Seconds before its end when an access token is replaced; earlier would rotate tokens for nothing."""


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
        tokens = redeem_code(self._settings, self._transport, attempt, code)
        identity = GithubAccount(self._settings, self._transport, tokens.access_token, tokens.granted).read_identity()
        held = self._hold(tokens)
        return SignIn(identity, refresh_token=held.refresh_token, access_token=held.access_token)

    def can_confirm(self, tokens: HeldTokens) -> bool:
        """GitHub answers as long as there is an access token, which most never lose."""
        if tokens.access_token is None:
            return False
        _, expires_at = read_held_token(tokens.access_token)
        return expires_at is None or tokens.refresh_token is not None or self._clock() < expires_at

    def confirm(self, tokens: HeldTokens, known: Identity) -> Confirmation:
        """Read the account again; see :class:`.confirming.Confirms`. 401 means that the person took the access back.

        Everything is read each time, so the answer is always the whole truth about groups.
        """
        if tokens.access_token is None or not self.can_confirm(tokens):
            raise ProviderError("confirmation_impossible", "there is no access token that still lives")
        access_token, expires_at = read_held_token(tokens.access_token)
        if tokens.refresh_token is None or expires_at is None or self._clock() < expires_at - _MARGIN:
            return Confirmation(tokens, self._read_again(access_token, known))
        renewed = refresh(self._settings, self._transport, tokens.refresh_token)
        held = self._hold(renewed, tokens.refresh_token)
        try:
            return Confirmation(held, self._read_again(renewed.access_token, known))
        except LoginRefused:
            raise
        except OidcAuthError as error:
            raise ConfirmationInterrupted(error, held) from None

    def _read_again(self, access_token: Secret, known: Identity) -> Identity:
        try:
            identity = GithubAccount(self._settings, self._transport, access_token).read_identity()
        except ProviderError as error:
            if error.code == "userinfo_refused" and error.evidence.get("status") == 401:
                raise LoginRefused("session_refused_by_provider", error.detail, evidence=error.evidence) from None
            raise
        if identity.subject != known.subject:
            raise ProtocolViolation("refreshed_subject", "the account is another one")
        return identity

    def _hold(self, tokens: GithubTokens, before: Secret | None = None) -> HeldTokens:
        held = hold_access_token(tokens.access_token, tokens.expires_in, self._clock())
        return HeldTokens(None, tokens.refresh_token or before, held)

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
