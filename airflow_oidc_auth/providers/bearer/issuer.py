"""One provider's access tokens: believe or refuse."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, ProviderError, TokenRefused
from airflow_oidc_auth.frozen import constructor_of
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.bearer.claims import AccessClaims, check_access_token, check_type
from airflow_oidc_auth.providers.bearer.codes import AS_TOKEN_ERRORS, token_error
from airflow_oidc_auth.providers.bearer.elsewhere import check_groups_are_here
from airflow_oidc_auth.providers.bearer.opaque import OpaqueTokens
from airflow_oidc_auth.providers.bearer.shapes import TokenShape, answer_shape, token_shape
from airflow_oidc_auth.providers.bearer.token import BearerToken
from airflow_oidc_auth.providers.bearer.unverified import Parser
from airflow_oidc_auth.providers.identity_builder import build_identity_of_one
from airflow_oidc_auth.providers.no_network import NoNetwork
from airflow_oidc_auth.providers.presets.preset import HookContext, no_claim_checks, standard_issuer
from airflow_oidc_auth.providers.relying_party import RelyingParty
from airflow_oidc_auth.providers.settings import ApiSettings, ProviderSettings
from airflow_oidc_auth.providers.signed_token import (
    SignedClaims,
    UnverifiedToken,
    check_algorithm,
    unverified_error,
    verified_by,
)
from airflow_oidc_auth.providers.transport import Transport

_token = constructor_of(BearerToken)
_OFFLINE = NoNetwork("a token that is verified on the event loop")


class BearerIssuer:
    """Verifies the access tokens of one provider. Safe to use from several threads.

    :param party: its documents and keys
    :param api: which of its tokens are meant for us
    :param parser: shared with whoever chooses the issuer of a token
    :ivar provider: id of the provider, whose threads :meth:`verify` belongs on
    """

    def __init__(self, party: RelyingParty, api: ApiSettings | None, parser: Parser | None = None) -> None:
        self.party, self.api = party, api
        self._parser = parser or Parser()
        self.provider = party.settings.id
        self.shape = token_shape(party.settings.preset)
        self._settings = party.settings
        self._spellings = _only_spellings(party)
        self._is_known = _needs_no_discovery(party.settings)
        self._opaque = OpaqueTokens(party, self._believe_answer) if api is not None and api.opaque else None

    def verify_known(self, token: str) -> BearerToken | None:
        """Believe the token with what is at hand; None when only :meth:`verify` can tell. Never any I/O.

        :raises TokenRefused: it is not to be believed, and asking the issuer would not change that
        """
        unverified = self._parser.judge(token)
        if unverified is None:
            return None if self._opaque is None else self._opaque.known(token)
        signed = self._verify_with_known_keys(unverified)
        if signed is None or not self._knows_issuer():
            return None
        try:
            return self._believe_jwt(signed, _OFFLINE)
        except ProviderError:  # the preset would have asked
            return None

    def verify(self, token: str) -> BearerToken:
        """Believe the token; may fetch keys, at most once in a while, or introspect. Blocks.

        :raises TokenRefused: it is not to be believed
        :raises ProviderError: the issuer cannot be asked now, so nobody can say
        """
        unverified = self._parser.judge(token)
        if unverified is None:
            if self._opaque is None:
                raise TokenRefused("token_malformed", "it is no JWT, and this provider is not asked about others")
            return self._opaque.verify(token)
        return self._believe_jwt(self.verify_signed(unverified), self.party.transport)

    def verify_signed(self, token: UnverifiedToken) -> SignedClaims:
        """Verify the signature alone; may fetch keys. Blocks.

        :raises TokenRefused: ``token_algorithm``, ``token_key_unknown``, ``token_signature``
        :raises ProviderError: the key is unknown, and new ones could not be fetched now or a moment ago
        """
        keys = self.party.keys
        try:
            return self.party.verify_parsed(token)
        except ProtocolViolation as error:
            outage = keys.failure() if error.code == "id_token_key_unknown" else None
            raise (outage or token_error(error)) from None

    def canonical_issuer(self, claims: Mapping[str, object], transport: Transport) -> str:
        """Return the issuer as configured, of an ``iss`` that is one of its spellings.

        :raises TokenRefused: ``token_issuer``, ``token_not_accepted``
        """
        iss = claims.get("iss")
        if isinstance(iss, str) and iss in self._spellings:
            return self._settings.issuer
        context = HookContext(self.party.settings, transport, self._discovered_issuer(), claims)
        with AS_TOKEN_ERRORS:
            canonical = self.party.hooks.check_issuer(context, iss) if isinstance(iss, str) and iss else None
            if canonical is not None:
                self.party.hooks.check_claims(context)
        if canonical is None:
            raise TokenRefused("token_issuer", "iss is another")
        return canonical

    def forget(self) -> None:
        """Forget what introspection said."""
        if self._opaque is not None:
            self._opaque.forget()

    def identity_of(self, issuer: str, claims: Mapping[str, object], access: AccessClaims) -> Identity:
        """Return who it is; names, e-mail and groups are read where the provider's settings say, from these claims."""
        check_groups_are_here(self._settings, claims)
        try:
            return build_identity_of_one(
                self._settings, issuer, access.subject, claims, actors=access.actors, client_id=access.client_id
            )
        except ProviderError as error:
            raise TokenRefused("token_claim", error.detail) from None

    def _verify_with_known_keys(self, token: UnverifiedToken) -> SignedClaims | None:
        """Return None when fetching the keys could change the answer."""
        keys = self.party.keys
        algorithm, kid = token.algorithm, token.kid
        try:
            check_algorithm(token, self._settings.algorithms)
            candidates = keys.known(algorithm, kid)
            if candidates is None:
                return None
            signed = verified_by(token, candidates)
            # With a key unknown since an outage, the thread answers: it is no refusal.
            if signed is None and not keys.may_bring_more() and (candidates or keys.failure() is None):
                # A fetch that ended this moment may have brought the key: those that were tried are compared last.
                if keys.known(algorithm, kid) != candidates:
                    return None
                raise unverified_error(token, candidates)
        except OidcAuthError as error:
            raise token_error(error) from None
        return signed

    def _knows_issuer(self) -> bool:
        return self._is_known or self.party.metadata.peek() is not None

    def _discovered_issuer(self) -> str:
        return self.party.settings.issuer if self._is_known else self.party.metadata.get().issuer

    def _believe_jwt(self, signed: SignedClaims, transport: Transport) -> BearerToken:
        api = self._accepting()
        check_type(signed.typ, api.token_types)
        issuer = self.canonical_issuer(signed.claims, transport)
        return self._believe(signed.claims, issuer, self.shape)

    def _believe_answer(self, claims: Mapping[str, object]) -> BearerToken:
        """Believe introspection, which was asked at this very issuer and need not repeat who it is."""
        said = "iss" in claims
        if not said and "{" in self.party.settings.issuer:
            raise TokenRefused("token_issuer", "introspection does not say which tenant's token it is")
        issuer = self.canonical_issuer(claims, self.party.transport) if said else self.party.settings.issuer
        return self._believe(claims, issuer, answer_shape(self.shape))

    def _believe(self, claims: Mapping[str, object], issuer: str, shape: TokenShape) -> BearerToken:
        """Run the checks that signed and introspected claims share."""
        leeway = self._settings.leeway
        try:
            access = check_access_token(claims, self._accepting(), shape, self.party.clock(), leeway)
        except OidcAuthError as error:
            raise token_error(error) from None
        if problem := self.party.hooks.check_token(claims):
            raise TokenRefused("token_is_no_access_token", problem)
        return self._token(access, self.identity_of(issuer, claims, access), leeway)

    def _accepting(self) -> ApiSettings:
        if self.api is None:
            raise TokenRefused("token_audience", "this provider has no `api`")
        return self.api

    def _token(self, access: AccessClaims, identity: Identity, leeway: int) -> BearerToken:
        return _token(
            provider=self.provider,
            identity=identity,
            issued_at=access.issued_at,
            expires_at=access.expires + leeway,
            exp=access.expires,
            token_id=access.token_id,
            client_id=access.client_id,
            actors=access.actors,
            jkt=access.jkt,
            scopes=access.scopes,
        )


def _needs_no_discovery(settings: ProviderSettings) -> bool:
    """Keys from a file and an issuer without a template: there is nothing to ask for."""
    return settings.jwks_file is not None and "{" not in settings.issuer


def _only_spellings(party: RelyingParty) -> frozenset[str]:
    """Return every ``iss`` that is this issuer's where nothing else decides; empty where the preset has a say."""
    settings, hooks = party.settings, party.hooks
    if hooks.check_issuer is not standard_issuer or hooks.check_claims is not no_claim_checks:
        return frozenset()
    return frozenset((settings.issuer, *settings.issuer_aliases))
