"""Ask whether an access token holds (RFC 7662): a session's that has no refresh token, or a program's."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.same_text import same_text
from airflow_oidc_auth.providers.transport import Transport
from airflow_oidc_auth.secret import Secret


def check_active(
    transport: Transport,
    metadata: ProviderMetadata,
    authenticator: ClientAuthenticator,
    access_token: Secret,
    subject: str,
) -> None:
    """Return if the token is active and about this subject. What else the answer says is as old as the token.

    :raises LoginRefused: ``session_refused_by_provider``: it is not active
    :raises ProtocolViolation: ``refreshed_subject``
    :raises ProviderError: as :func:`introspect`
    """
    claims = introspect(transport, metadata, authenticator, access_token)
    if claims is None:
        raise LoginRefused("session_refused_by_provider", "introspection says that the token is not active")
    if "sub" in claims and not same_text(claims["sub"], subject):
        raise ProtocolViolation("refreshed_subject", "introspection speaks of another sub")


def introspect(
    transport: Transport, metadata: ProviderMetadata, authenticator: ClientAuthenticator, access_token: Secret
) -> Mapping[str, object] | None:
    """Return what the IdP says of an active token, None if it is not active.

    :raises ProviderError: ``confirmation_impossible``, ``introspection_refused``, ``provider_answer_malformed``, and
        what the transport raises
    """
    if metadata.introspection_endpoint is None:
        raise ProviderError("confirmation_impossible", "discovery names no introspection_endpoint")
    credentials = authenticator.credentials(metadata)
    form = {"token": access_token.reveal(), "token_type_hint": "access_token", **credentials.form}
    answer = transport.post(metadata.introspection_endpoint, form=form, headers=credentials.headers)
    if answer.status != 200:
        evidence = {"status": answer.status}
        raise ProviderError("introspection_refused", f"introspection answered {answer.status}", evidence=evidence)
    claims = answer.json_object()
    active = claims.get("active")
    if active is False:
        return None
    if active is not True:  # the text "false" is no answer
        raise ProviderError("provider_answer_malformed", "introspection does not say whether the token is active")
    return claims
