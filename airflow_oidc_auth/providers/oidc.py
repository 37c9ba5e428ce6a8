"""OpenID Connect sign-in: the skeleton that runs every step in its order.

begin: discovery → (PAR) → URL. complete: response → code → tokens → id_token → userinfo? → access token? →
the preset's checks and additions → Identity. confirm: :mod:`.confirm_oidc`. A preset adds to the steps and cannot
skip one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.authentication import read_authentication, read_time
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.authorization import (
    authorization_parameters,
    authorization_url,
    read_authorization_response,
)
from airflow_oidc_auth.providers.cached_document import Spawn, in_background
from airflow_oidc_auth.providers.confirm_oidc import OidcConfirmation
from airflow_oidc_auth.providers.diagnose import Diagnosis
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.held_access_token import hold_access_token
from airflow_oidc_auth.providers.id_token import IdTokenClaims, check_id_token, read_session_id
from airflow_oidc_auth.providers.identity_builder import (
    VerifiedDocuments,
    build_identity,
    wants_access_token,
    wants_userinfo,
)
from airflow_oidc_auth.providers.issuers import accepts_response_issuer, same_tenant
from airflow_oidc_auth.providers.logout import logout_url
from airflow_oidc_auth.providers.logout_token import (
    LogoutClaims,
    LogoutTokenExpectation,
    as_logout_error,
    check_logout_token,
    parse_logout_token,
)
from airflow_oidc_auth.providers.presets.preset import Preset
from airflow_oidc_auth.providers.provider import Confirmation, Finding, HeldTokens, SignIn
from airflow_oidc_auth.providers.pushed_authorization import push_authorization_request
from airflow_oidc_auth.providers.relying_party import RelyingParty
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.token_endpoint import TokenAnswer, exchange_code
from airflow_oidc_auth.providers.told_groups import check_groups_are_told
from airflow_oidc_auth.providers.transport import Transport
from airflow_oidc_auth.secret import Secret

_LOG = logging.getLogger(__name__)


class OidcProvider:
    """One configured OpenID provider. Safe to use from several threads.

    :param clock: epoch seconds
    :param spawn: runs background refreshes
    """

    def __init__(
        self,
        settings: ProviderSettings,
        preset: Preset,
        transport: Transport,
        clock: Callable[[], float],
        *,
        spawn: Spawn = in_background,
    ) -> None:
        self.id, self.label, self.preset = settings.id, settings.label, settings.preset
        self.issuer = settings.issuer
        self._settings, self._hooks, self._transport, self._clock = settings, preset, transport, clock
        self._party = RelyingParty(settings, preset, transport, clock, spawn)
        self._confirmation = OidcConfirmation(self._party)

    def __repr__(self) -> str:
        return f"OidcProvider({self.id!r}, {self.issuer!r})"

    @property
    def party(self) -> RelyingParty:
        """Documents, keys and credentials, for whoever verifies other tokens of this IdP."""
        return self._party

    def build_authorization_url(self, attempt: LoginAttempt) -> str:
        """Return where to send the browser."""
        metadata = self._party.metadata.get()
        parameters: Mapping[str, str] = authorization_parameters(
            self._settings, attempt, self._hooks.other_account_prompt
        )
        if self._settings.par or metadata.par_required:
            parameters = push_authorization_request(self._transport, metadata, self._party.authenticator, parameters)
        return authorization_url(metadata, parameters)

    def complete(self, attempt: LoginAttempt, response: Mapping[str, str]) -> SignIn:
        """Verify the answer and everything fetched because of it."""
        metadata = self._party.metadata.get()
        code = read_authorization_response(
            response,
            attempt,
            accepts_issuer=lambda iss: accepts_response_issuer(self._settings, metadata, iss),
            require_issuer=metadata.iss_parameter or self._settings.require_iss_parameter,
        )
        tokens = exchange_code(self._transport, metadata, self._party.authenticator, attempt, code)
        expected = self._party.expect(metadata, attempt.nonce, tokens.access_token)
        id_token = check_id_token(self._party.verify(tokens.id_token.reveal()), expected)
        if not same_tenant(metadata.issuer, response.get("iss"), id_token.claims):
            raise ProtocolViolation("response_issuer_mismatch", "iss and tid name different tenants")
        identity = build_identity(self._settings, self._documents(metadata, tokens, id_token))
        authentication = read_authentication(id_token.claims, self._clock(), self._settings.leeway)
        return self._sign_in(replace(identity, authentication=authentication), tokens, id_token)

    def can_confirm(self, tokens: HeldTokens) -> bool:
        """Tell whether these tokens are enough to ask the IdP about a session."""
        return self._confirmation.can_confirm(tokens)

    def confirm(self, tokens: HeldTokens, known: Identity) -> Confirmation:
        """Ask the IdP whether a session goes on, and for whom; see :class:`.confirming.Confirms`."""
        return self._confirmation.confirm(tokens, known)

    def read_logout_token(self, token: str) -> LogoutClaims:
        """Verify what claims to be the IdP's logout token; whether it was used before is the caller's to ask.

        :raises ProtocolViolation: ``logout_token_…``, one code for each rule
        :raises ProviderError: the IdP's documents cannot be had, so nobody can say whether it is genuine
        """
        unverified = parse_logout_token(token)
        metadata = self._party.metadata.get()
        try:
            signed = self._party.verify_parsed(unverified)
        except ProtocolViolation as error:
            raise as_logout_error(error) from None
        expected = LogoutTokenExpectation(
            check_issuer=lambda iss, claims: self._party.check_issuer(metadata, iss, claims),
            client_id=self._settings.client_id,
            leeway=self._settings.leeway,
            now=self._clock(),
        )
        return check_logout_token(signed, expected)

    def build_logout_url(self, *, id_token_hint: Secret | None, post_logout_redirect_uri: str) -> str | None:
        """Return the logout address, from what is known without asking anybody."""
        known = self._party.metadata.peek()
        return logout_url(self._settings, self._hooks, known, id_token_hint, post_logout_redirect_uri)

    def warm_up(self) -> None:
        """Fetch discovery and keys ahead of the first sign-in."""
        try:
            self._party.metadata.get()
            self._party.keys.load()
        except OidcAuthError as error:
            _LOG.warning("%s: not ready yet, sign-in will try again: %s", self.id, error)

    def diagnose(self, *, redirect_uri: str = "") -> Sequence[Finding]:
        """Test the live IdP, past every cache."""
        return Diagnosis(self._settings, self._hooks, self._transport, self._clock, redirect_uri).findings()

    def _sign_in(self, identity: Identity, tokens: TokenAnswer, id_token: IdTokenClaims) -> SignIn:
        # Only what a re-check needs is kept: with a refresh token the access token is of no further use.
        held = hold_access_token(tokens.access_token, tokens.expires_in, self._clock())
        return SignIn(
            identity,
            id_token=tokens.id_token,
            refresh_token=tokens.refresh_token,
            sid=read_session_id(id_token.claims),
            auth_time=read_time(id_token.claims.get("auth_time")),
            access_token=held if tokens.refresh_token is None else None,
        )

    def _documents(self, metadata: ProviderMetadata, tokens: TokenAnswer, id_token: IdTokenClaims) -> VerifiedDocuments:
        party, access_token = self._party, tokens.access_token
        # Before anything is asked for: a person of a foreign tenant costs no further call.
        self._hooks.check_claims(party.context(metadata, id_token.claims))
        available = metadata.userinfo_endpoint is not None
        asks = wants_userinfo(self._settings, id_token.claims, available=available)
        userinfo = party.ask_userinfo(metadata, access_token, id_token) if asks else None
        reads = wants_access_token(self._settings)
        read = party.read_access_token(metadata, access_token, id_token) if reads else None
        extra = self._hooks.enrich(party.context(metadata, id_token.claims, userinfo, access_token))
        claims = {**id_token.claims, **extra}
        told = {"id_token": claims, "userinfo": userinfo, "access_token": read}
        check_groups_are_told(self._settings, told, tokens.granted)
        return VerifiedDocuments(id_token.issuer, id_token.subject, claims, userinfo, read)
