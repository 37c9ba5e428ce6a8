"""The SAML provider: what the journey and the routes call."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.identity.authentication import Authentication, not_ahead
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.cached_document import CachedDocument, Spawn, in_background
from airflow_oidc_auth.providers.provider import Finding, SignIn
from airflow_oidc_auth.providers.saml.addresses import ServiceProvider
from airflow_oidc_auth.providers.saml.bindings import POST, REDIRECT, LogoutMessage, Post, Redirect
from airflow_oidc_auth.providers.saml.certificates import read_certificate
from airflow_oidc_auth.providers.saml.checks import Expected
from airflow_oidc_auth.providers.saml.diagnose import diagnose
from airflow_oidc_auth.providers.saml.identity import build_identity
from airflow_oidc_auth.providers.saml.keys import load_decryption_key, load_signing_key
from airflow_oidc_auth.providers.saml.logout import LogoutRequested, read_logout_request, read_logout_response
from airflow_oidc_auth.providers.saml.messages import (
    Header,
    authn_request_id,
    build_authn_request,
    build_logout_request,
    build_logout_response,
    send,
)
from airflow_oidc_auth.providers.saml.metadata import IdpMetadata, check_not_expired, fetch_idp_metadata
from airflow_oidc_auth.providers.saml.replay import ReplayCache
from airflow_oidc_auth.providers.saml.response import CheckedResponse, read_response
from airflow_oidc_auth.providers.saml.session import SamlSession, read_hint, session_key, session_key_prefix
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.providers.saml.sp_metadata import build_sp_metadata
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import Transport
from airflow_oidc_auth.secret import Secret

_LOG = logging.getLogger(__name__)
_REFRESH_INTERVAL = 60.0


class SamlProvider:
    """Implements :class:`airflow_oidc_auth.providers.provider.Provider`, and what only SAML has.

    :param own: our addresses
    :param replay: None remembers nothing and therefore completes no sign-in (offline commands)
    :param clock: epoch seconds
    :param new_id: a fresh ID for messages that belong to no sign-in attempt
    """

    def __init__(
        self,
        settings: ProviderSettings,
        own: ServiceProvider,
        transport: Transport,
        *,
        replay: ReplayCache | None,
        clock: Callable[[], float],
        new_id: Callable[[], str] = lambda: "_" + secrets.token_hex(20),
        spawn: Spawn = in_background,
    ) -> None:
        self.id, self.label, self.preset, self.issuer = settings.id, settings.label, settings.preset, settings.issuer
        self._settings, self._own, self._transport = settings, own, transport
        self._saml = settings.saml or SamlSettings()
        self._replay, self._clock, self._new_id, self._spawn = replay, clock, new_id, spawn
        self._key = load_signing_key(self._saml.signing_key, self._saml.certificate)
        self._decryption_key = load_decryption_key(self._saml.decryption_key or self._saml.signing_key)
        self._metadata: CachedDocument[IdpMetadata] = CachedDocument(
            lambda: fetch_idp_metadata(settings, transport, clock), clock, spawn=spawn
        )
        self._refresh = _RateLimit(_REFRESH_INTERVAL)

    def begin(self, attempt: LoginAttempt) -> Redirect | Post:
        """Return the AuthnRequest for the browser; RelayState is ``attempt.state``.

        :raises ProviderError: the IdP's metadata cannot be had or used
        """
        metadata = self._idp_metadata()
        if metadata.wants_signed_requests and self._key is None:
            hint = f"Set `providers.{self.id}.signing_key`."
            raise ProviderError("saml_key_unusable", "the identity provider wants signed requests", hint=hint)
        binding, url = _choose(metadata.sign_on, POST if self._saml.binding == "post" else REDIRECT)
        header = Header(authn_request_id(attempt), self._clock(), url, self._own.entity_id)
        request = build_authn_request(
            header,
            acs_url=self._own.acs_url,
            name_id_format=self._wanted_name_id_format(),
            # SAML has no max_age: whoever must have authenticated lately authenticates now.
            force_authn=self._saml.force_authn or attempt.other_account or _wants_proof(attempt),
            contexts=_contexts(attempt.acr_values, self._saml.authn_contexts),
        )
        return send(request, binding=binding, url=url, relay_state=attempt.state, key=self._key)

    def build_authorization_url(self, attempt: LoginAttempt) -> str:
        """Return :meth:`begin` as an address.

        :raises ProviderError: as :meth:`begin`; ``saml_binding_unavailable`` where a form is needed
        """
        begun = self.begin(attempt)
        if isinstance(begun, Post):
            raise ProviderError("saml_binding_unavailable", "the request goes by HTTP-POST, which has no address")
        return begun.url

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
        if attempt is None and not self._saml.allow_idp_initiated:
            raise ProtocolViolation("saml_unsolicited", "`allow_idp_initiated` is off")
        checked = self._read(attempt, response)
        identity = build_identity(self._settings, checked.assertion, checked.statement, self._own.entity_id)
        at = not_ahead(checked.statement.instant, self._clock(), self._settings.leeway)
        identity = replace(identity, authentication=Authentication(checked.statement.context or None, at=at))
        self._use_up(checked)
        session = _session(checked)
        return SignIn(
            identity,
            id_token=session.hint(),
            sid=session.sid,
            auth_time=checked.statement.instant,
            saml=session,
        )

    def metadata(self) -> bytes:
        """Return our metadata, signed if there is a key; never calls the IdP."""
        text = self._saml.decryption_certificate or (self._saml.certificate if self._decryption_key else None)
        encryption = None if text is None else read_certificate(text)
        formats = () if self._saml.subject_attribute is not None else self._saml.name_id_formats
        return build_sp_metadata(self._own, name_id_formats=formats, key=self._key, encryption=encryption)

    def begin_logout(self, hint: Secret | None, *, request_id: str, relay_state: str) -> Redirect | Post | None:
        """Return a LogoutRequest for the browser; None if the IdP has no logout, or nothing to name; never fails.

        :param hint: ``SignIn.id_token`` of the session
        :param request_id: an NCName, to be given to :meth:`complete_logout`
        """
        metadata, session = self._metadata.peek(), read_hint(hint)
        # SAML Profiles §4.4.3.1: the request must be signed, so without a key there is no single logout.
        if self._settings.logout == "none" or metadata is None or session is None or self._key is None:
            return None
        if not metadata.logout:
            return None
        binding, url = _choose(metadata.logout, REDIRECT)
        header = Header(request_id, self._clock(), url, self._own.entity_id)
        try:
            request = build_logout_request(header, session)
            return send(request, binding=binding, url=url, relay_state=relay_state, key=self._key)
        except (OidcAuthError, ValueError) as error:
            _LOG.warning("%s: no logout at the identity provider: %s", self.id, type(error).__name__)
            return None

    def complete_logout(self, message: LogoutMessage, *, request_id: str) -> bool:
        """Verify a LogoutResponse to the request of that id; False if the IdP could not end everything.

        :raises ProtocolViolation: it is not the IdP's answer to this request
        """
        expected = self._expected(self._own.slo_url, request_id)
        return read_logout_response(message, self._idp_metadata().certificates, expected)

    def answer_logout_request(self, message: LogoutMessage) -> LogoutRequested:
        """Verify a LogoutRequest of the IdP, which must be signed; end the sessions, then send an answer.

        :raises ProtocolViolation: forged, foreign, late or malformed
        :raises ProviderError: the IdP's metadata cannot be had or used, or names no address for the answer
        """
        metadata = self._idp_metadata()
        demand = read_logout_request(message, metadata.certificates, self._expected(self._own.slo_url, None))
        if not metadata.logout_response:
            raise ProviderError("saml_binding_unavailable", "the metadata names no SingleLogoutService")
        binding, url = _choose(metadata.logout_response, REDIRECT if message.raw_query else POST)
        relay_state = message.parameters.get("RelayState", "")

        def answer(*, success: bool) -> Redirect | Post:
            header = Header(self._new_id(), self._clock(), url, self._own.entity_id)
            text = build_logout_response(header, demand.id, success=success)
            return send(
                text, binding=binding, url=url, relay_state=relay_state, key=self._key, parameter="SAMLResponse"
            )

        name = demand.name_id.text
        return LogoutRequested(
            name_id=name,
            session_indexes=demand.session_indexes,
            session_keys=tuple(session_key(name, each) for each in demand.session_indexes),
            session_prefix=session_key_prefix(name),
            answer=answer(success=True),
            failed=answer(success=False),
            replay_key=self._replay_key("LogoutRequest", demand.id),
            usable_until=demand.usable_until,
        )

    def build_logout_url(self, *, id_token_hint: Secret | None, post_logout_redirect_uri: str) -> str | None:
        """Return None: logout goes through :meth:`begin_logout`."""
        return None

    def warm_up(self) -> None:
        """Fetch the IdP's metadata ahead of the first sign-in; failures are logged, not raised."""
        try:
            self._metadata.get()
        except OidcAuthError as error:
            _LOG.warning("%s: the identity provider's metadata cannot be had yet: %s", self.id, error)

    def diagnose(self, *, redirect_uri: str = "") -> Sequence[Finding]:
        """Check the IdP's metadata, its certificates and the clock; never raises."""
        return diagnose(self._settings, self._transport, self._clock)

    def _read(self, attempt: LoginAttempt | None, response: Mapping[str, str]) -> CheckedResponse:
        metadata = self._idp_metadata()
        expected = self._expected(self._own.acs_url, None if attempt is None else authn_request_id(attempt))
        if attempt is not None and (self._saml.force_authn or attempt.other_account):
            expected = replace(expected, authenticated_since=attempt.started_at)
        try:
            return read_response(
                response.get("SAMLResponse", ""), metadata.certificates, self._saml, self._decryption_key, expected
            )
        except ProtocolViolation as error:
            # A certificate that the metadata did not have yet: fetched behind this sign-in's back, for the next one.
            if error.code == "saml_signature_key_unknown":
                self._refetch_soon()
            raise

    def _idp_metadata(self) -> IdpMetadata:
        """Return what is known; metadata that could not be refreshed is good until its ``validUntil``, not longer."""
        metadata = self._metadata.get()
        try:
            check_not_expired(metadata.valid_until, self._clock())
        except ProviderError:
            self._refetch_soon()
            raise
        return metadata

    def _refetch_soon(self) -> None:
        if self._refresh.claim(self._clock()):
            self._spawn(self._refetch)

    def _refetch(self) -> None:
        try:
            self._metadata.refetch()
        except OidcAuthError as error:
            _LOG.warning("%s: the metadata could not be refreshed, the old one stays: %s", self.id, error)

    def _use_up(self, checked: CheckedResponse) -> None:
        """Last of all checks: an assertion that fails another one is not used up by whoever sent it."""
        if self._replay is None:
            raise ProviderError("saml_replay_cache_missing", "this process keeps no replay cache")
        name = self._replay_key("Assertion", checked.assertion.id)
        if self._replay.seen(name, checked.usable_until + self._settings.leeway + 1):
            raise ProtocolViolation("saml_replayed", f"assertion {checked.assertion.id[:200]!r}")

    def _replay_key(self, kind: str, message_id: str) -> str:
        return hashlib.sha256(f"{self.issuer}\n{kind}\n{message_id}".encode()).hexdigest()

    def _expected(self, address: str, request_id: str | None) -> Expected:
        return Expected(
            idp=self.issuer,
            sp=self._own.entity_id,
            acs=address,
            request_id=request_id,
            now=int(self._clock()),
            leeway=self._settings.leeway,
            contexts=self._saml.authn_contexts,
        )

    def _wanted_name_id_format(self) -> str | None:
        """Ask for the one format that would do; with several, or an attribute, the IdP chooses."""
        formats = self._saml.name_id_formats
        return formats[0] if self._saml.subject_attribute is None and len(formats) == 1 else None


@dataclass(slots=True)
class _RateLimit:
    """Whoever can send us responses must not be able to make us flood the IdP with requests."""

    interval: float
    _last: float | None = None

    def claim(self, now: float) -> bool:
        with _LOCK:
            if self._last is not None and 0 <= now - self._last < self.interval:
                return False
            self._last = now
            return True


_LOCK = threading.Lock()


def _wants_proof(attempt: LoginAttempt) -> bool:
    return attempt.max_age is not None or attempt.reauthenticate


def _contexts(wanted: tuple[str, ...], accepted: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to ask for: of a step-up's contexts those that are accepted at all."""
    return tuple(each for each in wanted if not accepted or each in accepted) or accepted


def _choose(addresses: Mapping[str, str], wanted: str) -> tuple[str, str]:
    """Return binding and address: the wanted one if the IdP offers it, else its first."""
    binding = wanted if wanted in addresses else next(iter(addresses))
    return binding, addresses[binding]


def _session(checked: CheckedResponse) -> SamlSession:
    name_id = checked.assertion.name_id
    if name_id is None:  # build_identity refuses it
        raise ProtocolViolation("saml_name_id_empty")
    limits = [each.session_not_on_or_after for each in checked.assertion.statements]
    return SamlSession(
        name_id=name_id.text,
        name_id_format=name_id.format,
        name_qualifier=name_id.name_qualifier,
        sp_name_qualifier=name_id.sp_name_qualifier,
        session_index=checked.statement.session_index,
        not_on_or_after=min((each for each in limits if each is not None), default=None),
        assertion_id=checked.assertion.id,
        authn_context=checked.statement.context,
    )
