"""Confirm a session at an OpenID provider.

With a refresh token: refresh → id_token? → userinfo? → access token? → the preset's checks and additions → Identity.
Without: userinfo with the access token of the sign-in while that lives, or introspection. Whatever fails after new
tokens came carries them, because the old refresh token may be used up.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProviderError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.confirmed_identity import FreshDocuments, confirmed_identity, lacks_groups
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.held_access_token import read_held_token
from airflow_oidc_auth.providers.id_token import IdTokenClaims, read_session_id
from airflow_oidc_auth.providers.identity_builder import wants_access_token, wants_userinfo
from airflow_oidc_auth.providers.introspection import check_active
from airflow_oidc_auth.providers.provider import Confirmation, HeldTokens
from airflow_oidc_auth.providers.refreshed_id_token import FOREIGN, check_refreshed_id_token
from airflow_oidc_auth.providers.relying_party import RelyingParty
from airflow_oidc_auth.providers.token_endpoint import RefreshAnswer
from airflow_oidc_auth.providers.token_refresh import refresh_tokens
from airflow_oidc_auth.secret import Secret

_LOG = logging.getLogger(__name__)


class OidcConfirmation:
    """Implements :class:`.confirming.Confirms` for one relying party."""

    def __init__(self, party: RelyingParty) -> None:
        self._party = party

    def can_confirm(self, tokens: HeldTokens) -> bool:
        """Tell whether these tokens are enough to ask, from what is known without asking anybody."""
        if tokens.refresh_token is not None:
            return True
        metadata = self._party.metadata.peek()
        able = metadata is None or self._asks_userinfo(metadata) or metadata.introspection_endpoint is not None
        return able and self._live_access_token(tokens) is not None

    def confirm(self, tokens: HeldTokens, known: Identity) -> Confirmation:
        """Ask the IdP."""
        metadata = self._party.metadata.get()
        if tokens.refresh_token is not None:
            return self._by_refresh(metadata, tokens, tokens.refresh_token, known)
        access_token = self._live_access_token(tokens)
        if access_token is None:
            raise ProviderError("confirmation_impossible", "there is neither a refresh token nor a live access token")
        if self._asks_userinfo(metadata):
            return self._by_userinfo(metadata, tokens, access_token, known)
        check_active(self._party.transport, metadata, self._party.authenticator, access_token, known.subject)
        return Confirmation(tokens, None)

    def _by_refresh(
        self, metadata: ProviderMetadata, tokens: HeldTokens, refresh_token: Secret, known: Identity
    ) -> Confirmation:
        party = self._party
        answer = refresh_tokens(
            party.transport,
            metadata,
            party.authenticator,
            tokens,
            refresh_token,
            scopes=party.settings.scopes if party.hooks.refresh_scope else (),
            refusals=party.hooks.refresh_refusals,
        )
        held = HeldTokens(tokens.id_token, answer.refresh_token or refresh_token)
        try:
            id_token = self._refreshed_id_token(metadata, answer, known)
            held = replace(held, id_token=answer.id_token or tokens.id_token)
            identity = self._identity(metadata, answer, id_token, known)
        except LoginRefused:
            raise
        except OidcAuthError as error:
            if error.code in FOREIGN:
                raise
            raise ConfirmationInterrupted(error, held) from None
        return Confirmation(held, identity, read_session_id(id_token.claims) if id_token else None)

    def _refreshed_id_token(
        self, metadata: ProviderMetadata, answer: RefreshAnswer, known: Identity
    ) -> IdTokenClaims | None:
        if answer.id_token is None:
            return None
        expected = self._party.expect(metadata, "", answer.access_token)
        return check_refreshed_id_token(self._party.verify(answer.id_token.reveal()), expected, known)

    def _identity(
        self, metadata: ProviderMetadata, answer: RefreshAnswer, id_token: IdTokenClaims | None, known: Identity
    ) -> Identity | None:
        party, about = self._party, id_token or _about(known)
        fresh = FreshDocuments(
            None if id_token is None else id_token.claims,
            whole=party.hooks.whole_refreshed_id_token and bool(id_token),
            signed={} if id_token is None else id_token.claims,
        )
        if wants_access_token(party.settings):
            fresh = replace(fresh, access_token=party.read_access_token(metadata, answer.access_token, about))
        fresh = replace(fresh, userinfo=self._userinfo(metadata, answer.access_token, about, fresh, known))
        return self._enriched(metadata, answer.access_token, fresh, known)

    def _userinfo(
        self,
        metadata: ProviderMetadata,
        access_token: Secret,
        about: IdTokenClaims,
        fresh: FreshDocuments,
        known: Identity,
    ) -> Mapping[str, object] | None:
        """Ask where the configuration wants userinfo, and where something is missing that it may know."""
        settings, available = self._party.settings, metadata.userinfo_endpoint is not None
        if fresh.id_token is not None and wants_userinfo(settings, fresh.id_token, available=available):
            return self._party.ask_userinfo(metadata, access_token, about)
        if not self._asks_userinfo(metadata) or not (fresh.id_token is None or lacks_groups(settings, fresh, known)):
            return None
        try:
            return self._party.ask_userinfo(metadata, access_token, about)
        except ProviderError as error:
            if error.code != "userinfo_refused":
                raise
            _LOG.info("%s: userinfo cannot stand in for what a refresh left out: %s", settings.id, error)
            return None

    def _by_userinfo(
        self, metadata: ProviderMetadata, tokens: HeldTokens, access_token: Secret, known: Identity
    ) -> Confirmation:
        try:
            userinfo = self._party.ask_userinfo(metadata, access_token, _about(known))
        except ProviderError as error:
            if error.code == "userinfo_refused" and error.evidence.get("status") == 401:
                raise LoginRefused("session_refused_by_provider", error.detail, evidence=error.evidence) from None
            raise
        return Confirmation(tokens, self._enriched(metadata, access_token, FreshDocuments(userinfo=userinfo), known))

    def _enriched(
        self, metadata: ProviderMetadata, access_token: Secret, fresh: FreshDocuments, known: Identity
    ) -> Identity | None:
        """Let the preset refuse, then add to what was read now; what was known would look fresh by it.

        :raises LoginRefused: ``identity_refused``: the person moved to a foreign tenant
        """
        party = self._party
        said = {**({} if fresh.whole else known.claims), **(fresh.userinfo or {}), **(fresh.id_token or {})}
        party.hooks.check_claims(party.context(metadata, said))
        base = fresh.id_token if fresh.id_token is not None else fresh.userinfo
        if base is not None:
            extra = party.hooks.enrich(party.context(metadata, base, fresh.userinfo, access_token))
            if extra:
                fresh = replace(fresh, id_token={**(fresh.id_token or {}), **extra})
        return confirmed_identity(party.settings, fresh, known)

    def _asks_userinfo(self, metadata: ProviderMetadata) -> bool:
        return metadata.userinfo_endpoint is not None and self._party.settings.userinfo != "never"

    def _live_access_token(self, tokens: HeldTokens) -> Secret | None:
        if tokens.access_token is None:
            return None
        access_token, expires_at = read_held_token(tokens.access_token)
        late = expires_at is not None and self._party.clock() >= expires_at - self._party.settings.leeway
        return None if late else access_token


def _about(known: Identity) -> IdTokenClaims:
    return IdTokenClaims(known.issuer, known.subject, known.claims)
