"""What every step with one OpenID provider shares: its documents and keys, our credentials, the preset's hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow_oidc_auth.providers.access_token import read_access_token
from airflow_oidc_auth.providers.cached_document import CachedDocument, Spawn
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.discovery import ProviderMetadata, fetch_metadata
from airflow_oidc_auth.providers.id_token import IdTokenClaims, IdTokenExpectation
from airflow_oidc_auth.providers.key_document import fetch_keys
from airflow_oidc_auth.providers.keys import KeyRing, KeySource
from airflow_oidc_auth.providers.presets.preset import HookContext, Preset
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.signed_token import SignedClaims, UnverifiedToken, parse_token, verify_signature
from airflow_oidc_auth.providers.transport import Transport
from airflow_oidc_auth.providers.userinfo import fetch_userinfo
from airflow_oidc_auth.secret import Secret


class RelyingParty:
    """One client at one OpenID provider. Safe to use from several threads.

    :param clock: epoch seconds
    :param spawn: runs background refreshes
    """

    def __init__(
        self,
        settings: ProviderSettings,
        hooks: Preset,
        transport: Transport,
        clock: Callable[[], float],
        spawn: Spawn,
    ) -> None:
        self.settings, self.hooks, self.transport, self.clock = settings, hooks, transport, clock
        self.metadata = CachedDocument(self._fetch_metadata, clock, spawn=spawn)
        self.keys = KeySource(self._fetch_keys, clock, spawn=spawn)
        self.authenticator = ClientAuthenticator(settings, clock)

    def verify(self, token: str) -> SignedClaims:
        """Parse a JWS and verify its signature with the IdP's keys."""
        return self.verify_parsed(parse_token(token))

    def verify_parsed(self, token: UnverifiedToken) -> SignedClaims:
        """Verify the signature with the IdP's keys."""
        return verify_signature(token, self.settings.algorithms, self.keys.candidates, self.keys.refresh)

    def check_issuer(self, metadata: ProviderMetadata, iss: str, claims: Mapping[str, object]) -> str | None:
        """Return the canonical issuer of an accepted ``iss``, or None."""
        return self.hooks.check_issuer(self.context(metadata, claims), iss)

    def expect(self, metadata: ProviderMetadata, nonce: str, access_token: Secret | None) -> IdTokenExpectation:
        """Return what an id_token for us must say now."""
        return IdTokenExpectation(
            check_issuer=lambda iss, claims: self.check_issuer(metadata, iss, claims),
            client_id=self.settings.client_id,
            nonce=nonce,
            leeway=self.settings.leeway,
            now=self.clock(),
            access_token=access_token,
        )

    def context(
        self,
        metadata: ProviderMetadata,
        claims: Mapping[str, object],
        userinfo: Mapping[str, object] | None = None,
        access_token: Secret | None = None,
    ) -> HookContext:
        """Return what the preset's hooks see."""
        return HookContext(self.settings, self.transport, metadata.issuer, claims, userinfo, access_token)

    def ask_userinfo(
        self, metadata: ProviderMetadata, access_token: Secret, about: IdTokenClaims
    ) -> Mapping[str, object]:
        """Return userinfo about this very subject."""
        client_id = self.settings.client_id
        return fetch_userinfo(self.transport, metadata, access_token, about, client_id=client_id, verify=self.verify)

    def read_access_token(
        self, metadata: ProviderMetadata, access_token: Secret, about: IdTokenClaims
    ) -> Mapping[str, object]:
        """Return the claims of a JWT access token about this very subject."""
        return read_access_token(
            access_token,
            about,
            verify=self.verify,
            accepts_issuer=lambda iss, claims: self.check_issuer(metadata, iss, claims),
            now=self.clock(),
            leeway=self.settings.leeway,
        )

    def _fetch_metadata(self) -> ProviderMetadata:
        return fetch_metadata(self.settings, self.transport, self.hooks.accepts_discovery_issuer)

    def _fetch_keys(self) -> KeyRing:
        jwks_uri = None if self.settings.jwks_file else self.metadata.get().jwks_uri
        return fetch_keys(self.settings, self.transport, jwks_uri)
