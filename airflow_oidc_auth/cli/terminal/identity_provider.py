"""The public client of terminals at one identity provider: its documents, its tokens, their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.cli.terminal.addresses import GuardedTransport
from airflow_oidc_auth.cli.terminal.listing import CliProvider
from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.identity.display import clean_email, display_name
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.authorization import (
    authorization_parameters,
    authorization_url,
    read_authorization_response,
)
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.endpoints import check_endpoint
from airflow_oidc_auth.providers.id_token import (
    check_access_token_hash,
    check_audience,
    check_authorized_party,
    check_id_token,
    check_issuer,
    check_subject,
    check_times,
)
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.providers.pushed_authorization import push_authorization_request
from airflow_oidc_auth.providers.relying_party import RelyingParty
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS, ProviderSettings
from airflow_oidc_auth.providers.token_endpoint import RefreshAnswer, exchange_code
from airflow_oidc_auth.providers.token_refresh import refresh_tokens
from airflow_oidc_auth.secret import Secret

# People's own machines are not as punctual as servers; Airflow checks the times again, with its own clock.
_LEEWAY = 300


@dataclass(frozen=True, slots=True)
class IdpTokens:
    """What a sign-in yields.

    :param subject: of the verified id_token
    :param name: who that is, for people; empty where it does not say
    """

    subject: str
    id_token: Secret = field(repr=False)
    refresh_token: Secret | None = None
    name: str = ""


class IdentityProvider:
    """One identity provider, as an Airflow named it.

    :param transport: judges every address before it is asked
    :param clock: epoch seconds
    """

    def __init__(self, chosen: CliProvider, transport: GuardedTransport, clock: Callable[[], float]) -> None:
        self.chosen, self.transport = chosen, transport
        self._settings = _settings(chosen)
        self._party = RelyingParty(self._settings, preset("oidc"), transport, clock, spawn=_never)

    @property
    def metadata(self) -> ProviderMetadata:
        """The discovery document; its issuer is the one that was named."""
        return self._party.metadata.get()

    def endpoint(self, name: str) -> str | None:
        """Return an optional endpoint of the discovery document, None where there is none to use."""
        value = self.metadata.document.get(name)
        try:
            return check_endpoint(value, self.chosen.issuer) if isinstance(value, str) and value else None
        except ProviderError:
            return None

    def credentials(self) -> Mapping[str, str]:
        """Return what a public client says of itself (RFC 6749 §3.2.1)."""
        return {"client_id": self.chosen.client_id}

    def authorization_url(self, attempt: LoginAttempt) -> str:
        """Return where to send the browser (RFC 8252 §4.1)."""
        parameters: Mapping[str, str] = authorization_parameters(self._settings, attempt)
        if self.metadata.par_required:
            parameters = push_authorization_request(
                self.transport, self.metadata, self._party.authenticator, parameters
            )
        return self.for_people(authorization_url(self.metadata, parameters))

    def for_people(self, url: str) -> str:
        """Return an address that a person may be sent to."""
        return self.transport.neighbourhood.check(url)

    def redeem(self, attempt: LoginAttempt, response: Mapping[str, str]) -> IdpTokens:
        """Check the browser's answer (state, then iss: RFC 9207) and take the tokens."""
        metadata = self.metadata
        code = read_authorization_response(
            response,
            attempt,
            accepts_issuer=lambda iss: iss == metadata.issuer,
            require_issuer=metadata.iss_parameter,
        )
        tokens = exchange_code(self.transport, metadata, self._party.authenticator, attempt, code)
        return self.verified(tokens.id_token, tokens.access_token, tokens.refresh_token, nonce=attempt.nonce)

    def refresh(self, refresh_token: Secret) -> RefreshAnswer:
        """Ask for new tokens (RFC 6749 §6)."""
        return self._refresh(refresh_token, ())

    def refresh_with_scopes(self, refresh_token: Secret) -> RefreshAnswer:
        """Ask again and name the scopes, without which some vendors leave the id_token out."""
        return self._refresh(refresh_token, self.chosen.scopes)

    def _refresh(self, refresh_token: Secret, scopes: tuple[str, ...]) -> RefreshAnswer:
        party = self._party
        return refresh_tokens(
            self.transport, self.metadata, party.authenticator, HeldTokens(), refresh_token, scopes=scopes
        )

    def verified(
        self, id_token: Secret, access_token: Secret | None, refresh_token: Secret | None, *, nonce: str | None
    ) -> IdpTokens:
        """Believe an id_token after every check (OIDC Core §3.1.3.7).

        :param nonce: of the authorization request; None where there was none (RFC 8628, a refresh)
        """
        signed = self._party.verify(id_token.reveal())
        expected = self._party.expect(self.metadata, nonce or "", access_token)
        if nonce is not None:
            subject = check_id_token(signed, expected).subject
            return IdpTokens(subject, id_token, refresh_token, _name(signed.claims))
        check_issuer(signed.claims, expected)
        check_audience(signed.claims, expected.client_id)
        check_authorized_party(signed.claims, expected.client_id)
        check_times(signed.claims, expected.now, expected.leeway)
        check_access_token_hash(signed.claims, signed.algorithm, access_token)
        return IdpTokens(check_subject(signed.claims), id_token, refresh_token, _name(signed.claims))

    def revoke(self, refresh_token: Secret) -> bool:
        """End a refresh token (RFC 7009 §2.1); False where the identity provider offers no such thing.

        :raises OidcAuthError: whether it ended is not known
        """
        endpoint = self.endpoint("revocation_endpoint")
        if endpoint is None:
            return False
        form = {"token": refresh_token.reveal(), "token_type_hint": "refresh_token", **self.credentials()}
        answer = self.transport.post(endpoint, form=form)
        if answer.status != 200:
            raise ProviderError("token_request_refused", f"the revocation endpoint answered {answer.status}")
        return True


def _name(claims: Mapping[str, object]) -> str:
    """Return name and e-mail as they may be shown; the provider's own settings for them are not public."""
    named = (claims.get("name"), claims.get("preferred_username"))
    email = clean_email(claims.get("email")) or ""
    name = display_name(named, email) if email or any(named) else ""
    return f"{name} <{email}>" if email and name != email else name


def _never(work: Callable[[], None]) -> None:
    """Refresh no document in the background: a command is over sooner."""


def check_same_person(tokens: IdpTokens, subject: str) -> None:
    """A refresh speaks of the person who signed in (OIDC Core §12.2).

    :raises ProtocolViolation: ``id_token_subject``
    """
    if tokens.subject != subject:
        raise ProtocolViolation("id_token_subject", "the refresh is about somebody else")


def _settings(chosen: CliProvider) -> ProviderSettings:
    asked = {"resource": chosen.resource, "audience": chosen.audience}
    return ProviderSettings(
        id=chosen.id,
        label=chosen.label,
        preset="oidc",
        issuer=chosen.issuer,
        client_id=chosen.client_id,
        client_auth="none",
        scopes=chosen.scopes,
        # Which of them this provider uses is not a public fact. Airflow's own list decides.
        algorithms=ASYMMETRIC_ALGORITHMS,
        leeway=_LEEWAY,
        authorization_parameters={name: value for name, value in asked.items() if value},
    )
