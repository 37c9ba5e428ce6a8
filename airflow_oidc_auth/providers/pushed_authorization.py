"""Push the authorization request to the IdP (RFC 9126), so that the browser carries only a reference to it."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import OidcAuthError, ProviderError
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.oauth_error import oauth_error
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport


def push_authorization_request(
    transport: Transport,
    metadata: ProviderMetadata,
    authenticator: ClientAuthenticator,
    parameters: Mapping[str, str],
) -> Mapping[str, str]:
    """Return the two parameters that stand in for all the others.

    :raises ProviderError: ``par_unsupported``, ``client_rejected``, ``authorization_request_refused``,
        ``provider_answer_malformed``
    """
    if metadata.par_endpoint is None:
        raise ProviderError("par_unsupported", "discovery names no pushed_authorization_request_endpoint")
    credentials = authenticator.credentials(metadata)
    answer = transport.post(metadata.par_endpoint, form={**parameters, **credentials.form}, headers=credentials.headers)
    if answer.status not in (200, 201):  # 201 is the rule, 200 is seen
        raise _refusal(answer, authenticator)
    request_uri = answer.json_object().get("request_uri")
    if not isinstance(request_uri, str) or not request_uri:
        raise ProviderError("provider_answer_malformed", "the PAR answer has no request_uri")
    return {"client_id": parameters["client_id"], "request_uri": request_uri}


def _refusal(answer: HttpAnswer, authenticator: ClientAuthenticator) -> OidcAuthError:
    error, evidence = oauth_error(answer, (authenticator.settings.client_secret,))
    code = "client_rejected" if error in ("invalid_client", "unauthorized_client") else "authorization_request_refused"
    return ProviderError(code, f"the PAR endpoint answered {answer.status} {error!r}", evidence=evidence)
