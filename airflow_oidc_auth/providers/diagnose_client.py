"""Ask the token endpoint whether it knows this client, without anybody signing in."""

from __future__ import annotations

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.providers.token_endpoint import token_refusal
from airflow_oidc_auth.providers.transport import Transport

NO_CODE = "airflow-oidc-check-this-is-no-code"
_VERIFIER = "airflow-oidc-check-this-verifier-belongs-to-no-attempt"
_COMPARE = "compare client_id, client_secret and client_auth with the client at the provider"


def client_finding(
    transport: Transport, metadata: ProviderMetadata, authenticator: ClientAuthenticator, redirect_uri: str
) -> Finding:
    """Redeem a code that nobody gave out.

    A client that is not known is refused as ``invalid_client``; one that is known, for its code, as
    ``invalid_grant`` (RFC 6749 §5.2). Any other answer tells nothing.
    """
    try:
        credentials = authenticator.credentials(metadata)
        form = {
            "grant_type": "authorization_code",
            "code": NO_CODE,
            "redirect_uri": redirect_uri,
            "code_verifier": _VERIFIER,
            **credentials.form,
        }
        answer = transport.post(metadata.token_endpoint, form=form, headers=credentials.headers)
    except OidcAuthError as error:
        return Finding("error", "client", f"{error.message.title}: {error.detail}", error.hint)
    refusal = token_refusal(answer, (authenticator.settings.client_secret,))
    # Auth0 answers 401 access_denied to a wrong secret.
    if refusal.code == "client_rejected" or answer.status == 401:
        return Finding("error", "client", f"client id or credentials refused: {refusal.detail}", _COMPARE)
    if refusal.code == "code_refused":
        return Finding("ok", "client", "the client id and its credentials are accepted")
    return Finding("warning", "client", f"cannot be told without signing in: {refusal.detail}", "sign in once")
