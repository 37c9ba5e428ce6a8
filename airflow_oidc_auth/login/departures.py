"""What differs between protocols on the way to the IdP and back: OIDC goes by address, SAML also by form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.confirming import Confirms
from airflow_oidc_auth.providers.provider import Finding, HeldTokens, Provider, SignIn
from airflow_oidc_auth.providers.saml.bindings import LogoutMessage, Post, Redirect
from airflow_oidc_auth.secret import Secret

if TYPE_CHECKING:
    # Importing it needs the extra [saml].
    from airflow_oidc_auth.providers.saml.logout import LogoutRequested


@runtime_checkable
class SpeaksSaml(Protocol):
    """A provider of SAML (:class:`airflow_oidc_auth.providers.saml.provider.SamlProvider`).

    Named here once more, because importing that module needs the extra ``[saml]``.
    """

    id: str
    label: str
    preset: str
    issuer: str

    def begin(self, attempt: LoginAttempt) -> Redirect | Post:
        """Return the AuthnRequest for the browser."""
        ...

    def build_authorization_url(self, attempt: LoginAttempt) -> str:
        """Return the AuthnRequest as an address."""
        ...

    def complete(self, attempt: LoginAttempt | None, response: Mapping[str, str]) -> SignIn:
        """Verify a response and use it up."""
        ...

    def metadata(self) -> bytes:
        """Return our metadata."""
        ...

    def begin_logout(self, hint: Secret | None, *, request_id: str, relay_state: str) -> Redirect | Post | None:
        """Return a LogoutRequest for the browser."""
        ...

    def complete_logout(self, message: LogoutMessage, *, request_id: str) -> bool:
        """Verify a LogoutResponse."""
        ...

    def answer_logout_request(self, message: LogoutMessage) -> LogoutRequested:
        """Verify a LogoutRequest of the IdP."""
        ...

    def build_logout_url(self, *, id_token_hint: Secret | None, post_logout_redirect_uri: str) -> str | None:
        """Return None."""
        ...

    def warm_up(self) -> None:
        """Fetch the IdP's metadata."""
        ...

    def diagnose(self, *, redirect_uri: str = "") -> Sequence[Finding]:
        """Check the IdP."""
        ...


@dataclass(frozen=True, slots=True)
class LogoutTicket:
    """Names our LogoutRequest, so that the answer can be told from one to nothing (SAML Core §3.7.3.2).

    :param relay_state: at most 80 bytes (SAML Bindings §3.4.3)
    """

    request_id: str = field(repr=False)
    relay_state: str = field(repr=False)


def build_departure(provider: Provider, attempt: LoginAttempt) -> Redirect | Post:
    """Return how the browser gets to the IdP. May call the IdP."""
    if isinstance(provider, SpeaksSaml):
        return provider.begin(attempt)
    return Redirect(provider.build_authorization_url(attempt))


def complete_sign_in(provider: Provider, attempt: LoginAttempt | None, response: Mapping[str, str]) -> SignIn:
    """Verify the IdP's answer.

    :param attempt: None if nobody here began; only SAML knows that, and only where it is allowed
    """
    if isinstance(provider, SpeaksSaml):
        return provider.complete(attempt, response)
    if attempt is None:
        raise ProtocolViolation("attempt_unknown", "no sign-in was begun")
    return provider.complete(attempt, response)


def build_logout(
    provider: Provider, hint: Secret | None, post_logout_redirect_uri: str, ticket: LogoutTicket | None
) -> Redirect | Post | None:
    """Return how the browser ends the session at the IdP, None if it cannot."""
    if isinstance(provider, SpeaksSaml):
        if ticket is None:
            return None
        return provider.begin_logout(hint, request_id=ticket.request_id, relay_state=ticket.relay_state)
    url = provider.build_logout_url(id_token_hint=hint, post_logout_redirect_uri=post_logout_redirect_uri)
    return Redirect(url) if url else None


def form_fields(departure: Redirect | Post) -> Mapping[str, str] | None:
    """Return the fields of a form, None for a redirect."""
    return departure.fields if isinstance(departure, Post) else None


def end_of_session(sign_in: SignIn, now: int, settings: SessionSettings) -> int:
    """Return the hard end: the soonest of our lifetime, the IdP's ``SessionNotOnOrAfter`` and the next authentication.

    A session that is born dead would send the browser in circles.

    :raises ProtocolViolation: ``saml_session_expired``
    :raises LoginRefused: ``auth_time_missing``, ``auth_time_too_old`` (OIDC Core §3.1.3.7 13): the IdP was asked for
        both and gave neither
    """
    ends = [now + settings.lifetime]
    limit = sign_in.saml.not_on_or_after if sign_in.saml else None
    if limit is not None:
        if limit <= now:
            raise ProtocolViolation("saml_session_expired", f"SessionNotOnOrAfter {limit} is not after {now}")
        ends.append(limit)
    if settings.reauthenticate_after is not None:
        ends.append(_next_authentication(sign_in.auth_time, now, settings.reauthenticate_after))
    return min(ends)


def _next_authentication(auth_time: int | None, now: int, allowed: int) -> int:
    if auth_time is None:
        raise LoginRefused("auth_time_missing", "max_age was asked for, and there is no auth_time")
    # A clock ahead of ours must not make the session longer.
    due = min(auth_time, now) + allowed
    if due <= now:
        evidence = {"seconds_ago": now - auth_time, "allowed": allowed}
        raise LoginRefused("auth_time_too_old", f"authenticated {now - auth_time} s ago", evidence=evidence)
    return due


def recheck_of(provider: Provider, sign_in: SignIn, settings: SessionSettings) -> int | None:
    """Return after how many seconds the IdP is to confirm this session, None where it cannot be asked."""
    if settings.recheck is None or not isinstance(provider, Confirms):
        return None
    held = HeldTokens(sign_in.id_token, sign_in.refresh_token, sign_in.access_token)
    return settings.recheck if provider.can_confirm(held) else None


def facts_of(sign_in: SignIn) -> Mapping[str, str]:
    """Return what the audit tells of the IdP's message."""
    if sign_in.saml is None:
        return {}
    return {"assertion_id": sign_in.saml.assertion_id, "authn_context": sign_in.saml.authn_context}
