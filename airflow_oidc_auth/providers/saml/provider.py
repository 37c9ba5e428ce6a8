"""The SAML provider: what the journey and the routes call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.provider import Finding, SignIn
from airflow_oidc_auth.providers.saml.addresses import ServiceProvider
from airflow_oidc_auth.providers.saml.bindings import LogoutMessage, Post, Redirect
from airflow_oidc_auth.providers.saml.logout import LogoutRequested
from airflow_oidc_auth.providers.saml.replay import ReplayCache
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import Transport
from airflow_oidc_auth.secret import Secret


class SamlProvider:
    """Implements :class:`airflow_oidc_auth.providers.provider.Provider`, and what only SAML has.

    :param replay: None remembers nothing and therefore completes no sign-in (offline commands)
    """

    def __init__(  # noqa: PLR0913
        self,
        settings: ProviderSettings,
        own: ServiceProvider,
        transport: Transport,
        *,
        replay: ReplayCache | None,
        clock: Callable[[], float],
    ) -> None:
        raise NotImplementedError

    def begin(self, attempt: LoginAttempt) -> Redirect | Post:
        """Return the AuthnRequest for the browser; RelayState is ``attempt.state``.

        :raises ProviderError: the IdP's metadata cannot be had or used
        """
        raise NotImplementedError

    def build_authorization_url(self, attempt: LoginAttempt) -> str:
        """Return :meth:`begin` as an address: for callers that know no forms."""
        raise NotImplementedError

    def complete(self, attempt: LoginAttempt | None, response: Mapping[str, str]) -> SignIn:
        """Verify a response and use it up.

        ``SignIn.saml`` says what logout, session limits and the audit need; ``SignIn.sid`` is the key for logout
        requests and ``SignIn.id_token`` the hint for :meth:`begin_logout`.

        :param attempt: None for a response that nobody here asked for
        :param response: form fields ``SAMLResponse`` and ``RelayState``
        :raises ProtocolViolation: forged, foreign, late, replayed or malformed, or unsolicited and not allowed
        :raises LoginRefused: the IdP says no
        :raises ProviderError: the IdP's metadata cannot be had or used
        """
        raise NotImplementedError

    def metadata(self) -> bytes:
        """Return our metadata, signed if there is a key; never calls the IdP."""
        raise NotImplementedError

    def begin_logout(self, hint: Secret | None, *, request_id: str, relay_state: str) -> Redirect | Post | None:
        """Return a LogoutRequest for the browser; None if the IdP has no logout, or nothing to name; never fails."""
        raise NotImplementedError

    def complete_logout(self, message: LogoutMessage, *, request_id: str) -> bool:
        """Verify a LogoutResponse to the request of that id; False if the IdP could not end everything.

        :raises ProtocolViolation: it is not the IdP's answer to this request
        """
        raise NotImplementedError

    def answer_logout_request(self, message: LogoutMessage) -> LogoutRequested:
        """Verify a LogoutRequest of the IdP, which must be signed; end the sessions, then send an answer.

        :raises ProtocolViolation: forged, foreign, late or malformed
        """
        raise NotImplementedError

    def build_logout_url(self, *, id_token_hint: Secret | None, post_logout_redirect_uri: str) -> str | None:
        """Return None: logout goes through :meth:`begin_logout`."""
        raise NotImplementedError

    def warm_up(self) -> None:
        """Fetch the IdP's metadata ahead of the first sign-in; failures are logged, not raised."""
        raise NotImplementedError

    def diagnose(self, *, redirect_uri: str = "") -> Sequence[Finding]:
        """Check the IdP's metadata, its certificates and the clock; never raises."""
        raise NotImplementedError
