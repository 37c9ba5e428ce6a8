"""Read groups from a JWT access token (Keycloak, Cloud Foundry UAA, Cognito).

The token is not addressed to us: its ``aud`` is often only ``account`` or a resource. Reading it is safe
because it came over TLS in the answer to our own token request, the signature and ``iss`` are the IdP's, and
its ``sub`` is the id_token's. It is evidence about this person, and opens nothing here by itself; a token that
a browser or an API client brings never comes this way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.id_token import IdTokenClaims
from airflow_oidc_auth.providers.same_text import same_text
from airflow_oidc_auth.providers.signed_token import SignedClaims
from airflow_oidc_auth.secret import Secret


def read_access_token(
    access_token: Secret,
    id_token: IdTokenClaims,
    *,
    verify: Callable[[str], SignedClaims],
    accepts_issuer: Callable[[str, Mapping[str, object]], str | None],
    now: float,
    leeway: int,
) -> Mapping[str, object]:
    """Return the verified claims.

    :raises ProviderError: ``access_token_opaque``: not a JWT
    :raises ProtocolViolation: ``access_token_invalid``
    """
    text = access_token.reveal()
    if text.count(".") != 2:
        raise ProviderError("access_token_opaque", "the access token is no JWT")
    try:
        claims = verify(text).claims
    except ProtocolViolation as error:
        raise ProtocolViolation("access_token_invalid", f"{error.code}: {error.detail}") from None
    iss = claims.get("iss")
    if not isinstance(iss, str) or accepts_issuer(iss, claims) != id_token.issuer:
        raise ProtocolViolation("access_token_invalid", "iss is not the id_token's")
    if not same_text(claims.get("sub"), id_token.subject):
        raise ProtocolViolation("access_token_invalid", "sub is not the id_token's")
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, (int, float)) or now >= expires + leeway:
        raise ProtocolViolation("access_token_invalid", "exp is missing or past")
    return claims
