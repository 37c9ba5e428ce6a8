"""OpenID Connect sign-in: the skeleton that runs every step in its order.

begin: discovery → (PAR) → URL. complete: response → code → tokens → id_token → userinfo? → access token? →
the preset's checks and additions → Identity. A preset adds to the steps and cannot skip one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation
from airflow_oidc_auth.providers.access_token import read_access_token
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.authorization import (
    authorization_parameters,
    authorization_url,
    read_authorization_response,
)
from airflow_oidc_auth.providers.cached_document import CachedDocument, Spawn, in_background
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.diagnose import Diagnosis
from airflow_oidc_auth.providers.discovery import ProviderMetadata, fetch_metadata
from airflow_oidc_auth.providers.id_token import IdTokenClaims, IdTokenExpectation, check_id_token
from airflow_oidc_auth.providers.identity_builder import (
    VerifiedDocuments,
    build_identity,
    wants_access_token,
    wants_userinfo,
)
from airflow_oidc_auth.providers.issuers import accepts_response_issuer, same_tenant
from airflow_oidc_auth.providers.key_document import fetch_keys
from airflow_oidc_auth.providers.keys import KeyRing, KeySource
from airflow_oidc_auth.providers.logout import logout_url
from airflow_oidc_auth.providers.presets.preset import HookContext, Preset
from airflow_oidc_auth.providers.provider import Finding, SignIn
from airflow_oidc_auth.providers.pushed_authorization import push_authorization_request
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.signed_token import SignedClaims, parse_token, verify_signature
from airflow_oidc_auth.providers.token_endpoint import TokenAnswer, exchange_code
from airflow_oidc_auth.providers.transport import Transport
from airflow_oidc_auth.providers.userinfo import fetch_userinfo
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
        self._metadata = CachedDocument(self._fetch_metadata, clock, spawn=spawn)
        self._keys = KeySource(self._fetch_keys, clock, spawn=spawn)
        self._authenticator = ClientAuthenticator(settings, clock)

    def __repr__(self) -> str:
        return f"OidcProvider({self.id!r}, {self.issuer!r})"

    def build_authorization_url(self, attempt: LoginAttempt) -> str:
        """Return where to send the browser."""
        metadata = self._metadata.get()
        parameters: Mapping[str, str] = authorization_parameters(
            self._settings, attempt, self._hooks.other_account_prompt
        )
        if self._settings.par or metadata.par_required:
            parameters = push_authorization_request(self._transport, metadata, self._authenticator, parameters)
        return authorization_url(metadata, parameters)

    def complete(self, attempt: LoginAttempt, response: Mapping[str, str]) -> SignIn:
        """Verify the answer and everything fetched because of it."""
        metadata = self._metadata.get()
        code = read_authorization_response(
            response,
            attempt,
            accepts_issuer=lambda iss: accepts_response_issuer(self._settings, metadata, iss),
            require_issuer=metadata.iss_parameter or self._settings.require_iss_parameter,
        )
        tokens = exchange_code(self._transport, metadata, self._authenticator, attempt, code)
        id_token = self._verify_id_token(tokens, attempt.nonce, metadata)
        if not same_tenant(metadata.issuer, response.get("iss"), id_token.claims):
            raise ProtocolViolation("response_issuer_mismatch", "iss and tid name different tenants")
        identity = build_identity(self._settings, self._documents(metadata, tokens, id_token))
        return SignIn(
            identity,
            id_token=tokens.id_token,
            refresh_token=tokens.refresh_token,
            sid=_short_text(id_token.claims.get("sid")),
            auth_time=_seconds(id_token.claims.get("auth_time")),
        )

    def build_logout_url(self, *, id_token_hint: Secret | None, post_logout_redirect_uri: str) -> str | None:
        """Return the logout address, from what is known without asking anybody."""
        return logout_url(self._settings, self._hooks, self._metadata.peek(), id_token_hint, post_logout_redirect_uri)

    def warm_up(self) -> None:
        """Fetch discovery and keys ahead of the first sign-in."""
        try:
            self._metadata.get()
            self._keys.load()
        except OidcAuthError as error:
            _LOG.warning("%s: not ready yet, sign-in will try again: %s", self.id, error)

    def diagnose(self, *, redirect_uri: str = "") -> Sequence[Finding]:
        """Test the live IdP, past every cache."""
        return Diagnosis(self._settings, self._hooks, self._transport, self._clock, redirect_uri).findings()

    def _verify_id_token(self, tokens: TokenAnswer, nonce: str, metadata: ProviderMetadata) -> IdTokenClaims:
        expected = IdTokenExpectation(
            check_issuer=lambda iss, claims: self._check_issuer(metadata, iss, claims),
            client_id=self._settings.client_id,
            nonce=nonce,
            leeway=self._settings.leeway,
            now=self._clock(),
            access_token=tokens.access_token,
        )
        return check_id_token(self._verify(tokens.id_token.reveal()), expected)

    def _documents(self, metadata: ProviderMetadata, tokens: TokenAnswer, id_token: IdTokenClaims) -> VerifiedDocuments:
        # Before anything is asked for: a person of a foreign tenant costs no further call.
        self._hooks.check_claims(self._context(metadata, id_token.claims))
        userinfo = self._userinfo(metadata, tokens, id_token)
        access_token = self._access_token(metadata, tokens, id_token) if wants_access_token(self._settings) else None
        extra = self._hooks.enrich(self._context(metadata, id_token.claims, userinfo, tokens.access_token))
        return VerifiedDocuments(
            id_token.issuer, id_token.subject, {**id_token.claims, **extra}, userinfo, access_token
        )

    def _userinfo(
        self, metadata: ProviderMetadata, tokens: TokenAnswer, id_token: IdTokenClaims
    ) -> Mapping[str, object] | None:
        available = metadata.userinfo_endpoint is not None
        if not wants_userinfo(self._settings, id_token.claims, available=available):
            return None
        return fetch_userinfo(
            self._transport,
            metadata,
            tokens.access_token,
            id_token,
            client_id=self._settings.client_id,
            verify=self._verify,
        )

    def _access_token(
        self, metadata: ProviderMetadata, tokens: TokenAnswer, id_token: IdTokenClaims
    ) -> Mapping[str, object]:
        return read_access_token(
            tokens.access_token,
            id_token,
            verify=self._verify,
            accepts_issuer=lambda iss, claims: self._check_issuer(metadata, iss, claims),
            now=self._clock(),
            leeway=self._settings.leeway,
        )

    def _verify(self, token: str) -> SignedClaims:
        return verify_signature(
            parse_token(token), self._settings.algorithms, self._keys.candidates, self._keys.refresh
        )

    def _check_issuer(self, metadata: ProviderMetadata, iss: str, claims: Mapping[str, object]) -> str | None:
        return self._hooks.check_issuer(self._context(metadata, claims), iss)

    def _context(
        self,
        metadata: ProviderMetadata,
        claims: Mapping[str, object],
        userinfo: Mapping[str, object] | None = None,
        access_token: Secret | None = None,
    ) -> HookContext:
        return HookContext(self._settings, self._transport, metadata.issuer, claims, userinfo, access_token)

    def _fetch_metadata(self) -> ProviderMetadata:
        return fetch_metadata(self._settings, self._transport, self._hooks.accepts_discovery_issuer)

    def _fetch_keys(self) -> KeyRing:
        jwks_uri = None if self._settings.jwks_file else self._metadata.get().jwks_uri
        return fetch_keys(self._settings, self._transport, jwks_uri)


def _short_text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable() else None


def _seconds(value: object) -> int | None:
    """``auth_time`` is a number, and some IdPs send a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**40:
        return None
    return int(value)
