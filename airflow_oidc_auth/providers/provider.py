"""What every provider can do, whatever its protocol.

The methods are synchronous and may call the IdP: the server runs them on the provider's own small
thread pool (:mod:`airflow_oidc_auth.providers.pool`), the CLI calls them directly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.saml.session import SamlSession
from airflow_oidc_auth.secret import Secret


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a finished sign-in yields.

    :param id_token: what a later logout at the IdP is to be given: the id_token, or the SAML session's hint
    :param sid: the IdP's session id (OIDC Back-Channel Logout §2.1) or the SAML session's key, if it told one
    :param auth_time: when the person authenticated, epoch seconds, if told
    :param saml: what the assertion says about the IdP's session
    :param access_token: for userinfo or introspection, where a session is confirmed without a refresh token
    """

    identity: Identity
    id_token: Secret | None = None
    refresh_token: Secret | None = None
    sid: str | None = None
    auth_time: int | None = None
    saml: SamlSession | None = None
    access_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class HeldTokens:
    """The IdP's tokens of one session, as a re-check needs and returns them."""

    id_token: Secret | None = None
    refresh_token: Secret | None = None
    access_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The IdP still knows the session.

    :param tokens: all that are held from now on, new or as they were
    :param identity: what the IdP now says of the person; None when it said nothing authoritative about claims and
        groups, so that the last Grant stays
    :param sid: the IdP's session id, if it told another one
    """

    tokens: HeldTokens
    identity: Identity | None
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``airflow oidc check``.

    :param level: ``ok``, ``warning`` or ``error``
    :param check: what was looked at, a few words (``discovery``, ``issuer``, ``keys``, …)
    :param text: what was found
    :param suggestion: what to do; may be empty
    """

    level: str
    check: str
    text: str
    suggestion: str = ""


class Provider(Protocol):
    """A configured identity provider."""

    id: str
    label: str
    preset: str
    issuer: str

    def build_authorization_url(self, attempt: LoginAttempt) -> str:
        """Return where to send the browser. May fetch discovery and push the request (PAR, RFC 9126).

        :raises ProviderError: the IdP cannot be reached or used
        """

    def complete(self, attempt: LoginAttempt, response: Mapping[str, str]) -> SignIn:
        """Verify the authorization response and everything fetched because of it.

        :param response: query parameters of the callback, each given exactly once
        :raises ProtocolViolation: something is forged, foreign, late or malformed
        :raises LoginRefused: the IdP or the preset says this person may not enter (``access_denied``, tenant)
        :raises ProviderError: the IdP is down, slow or misconfigured
        """

    def build_logout_url(self, *, id_token_hint: Secret | None, post_logout_redirect_uri: str) -> str | None:
        """Return the vendor's logout address for the browser, or None where there is none.

        Never calls the IdP beyond cached discovery and never fails: logout must work when the IdP is down.
        """

    def warm_up(self) -> None:
        """Fetch discovery and keys ahead of the first sign-in; failures are logged, not raised."""

    def diagnose(self, *, redirect_uri: str = "") -> Sequence[Finding]:
        """Test the live IdP for ``airflow oidc check``; never raises.

        :param redirect_uri: ours; empty leaves out whether the IdP knows this client
        """
