"""Ask for new tokens (RFC 6749 §6): the IdP's own word on whether a sign-in still holds. Asked once, never again.

A refresh token that rotates is good for one use, and using it twice makes careful IdPs revoke the whole grant
(RFC 9700 §4.14.2): what came back must be kept, whatever else is wrong with the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProviderError
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.oauth_error import oauth_error
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.providers.token_endpoint import RefreshAnswer, read_refresh_answer, read_token, token_refusal
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport
from airflow_oidc_auth.secret import Secret

# RFC 6749 §5.2; the others say that the person must come back before anything goes on (OIDC Core §3.1.2.6, Entra).
_GONE = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})


def refresh_tokens(
    transport: Transport,
    metadata: ProviderMetadata,
    authenticator: ClientAuthenticator,
    held: HeldTokens,
    refresh_token: Secret,
    *,
    scopes: Sequence[str] = (),
    refusals: frozenset[str] = frozenset(),
) -> RefreshAnswer:
    """Send the refresh request.

    :param scopes: sent where the vendor wants them; else the grant keeps its own
    :param refusals: the vendor's further codes for a refresh token that is no longer good
    :raises LoginRefused: ``session_refused_by_provider``
    :raises ConfirmationInterrupted: the answer cannot be used, but holds a new refresh token
    :raises ProviderError: ``client_rejected``, ``token_request_refused``, ``token_answer_malformed``, and what the
        transport raises
    """
    credentials = authenticator.credentials(metadata)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token.reveal(),
        **({"scope": " ".join(scopes)} if scopes else {}),
        **credentials.form,
    }
    answer = transport.post(metadata.token_endpoint, form=form, headers=credentials.headers)
    if answer.status != 200:
        raise refresh_refusal(answer, (refresh_token, authenticator.settings.client_secret), refusals)
    document = answer.json()
    try:
        return read_refresh_answer(document)
    except ProviderError as error:
        rotated = _rotated(document)
        if rotated is None:
            raise
        raise ConfirmationInterrupted(error, HeldTokens(held.id_token, rotated)) from None


def refresh_refusal(
    answer: HttpAnswer, secrets: tuple[Secret | None, ...], refusals: frozenset[str] = frozenset()
) -> OidcAuthError:
    """Say whether the IdP ended the session, or whether something is wrong between it and us.

    Only a code that says so ends a session: a page of a firewall with status 400 ends none.
    """
    error, evidence = oauth_error(answer, secrets)
    if error in _GONE | refusals:
        return LoginRefused("session_refused_by_provider", f"the refresh was answered {error!r}", evidence=evidence)
    return token_refusal(answer, secrets)


def _rotated(document: object) -> Secret | None:
    try:
        return read_token(document, "refresh_token") if isinstance(document, dict) else None
    except ProviderError:
        return None
