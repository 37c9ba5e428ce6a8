"""The fake IdP's discovery document and key set."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.testing.keys import SigningKeys, new_rsa_jwk
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour


def discovery_document(issuer: str, origin: str, algorithm: str, lie: Misbehaviour) -> dict[str, object]:
    """OIDC Discovery §3."""
    document: dict[str, object] = {
        "issuer": issuer,
        "authorization_endpoint": f"{origin}/authorize",
        "token_endpoint": f"{origin}/token",
        "userinfo_endpoint": f"{origin}/userinfo",
        "jwks_uri": f"{origin}/jwks",
        "introspection_endpoint": f"{origin}/introspect",
        "end_session_endpoint": f"{origin}/end_session",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "pushed_authorization_request_endpoint": f"{origin}/par",
        "authorization_response_iss_parameter_supported": True,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [lie.algorithm or algorithm],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
            "none",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
        "claims_supported": ["sub", "name", "preferred_username", "email", "email_verified", "groups"],
    }
    document.update(lie.discovery)
    return {name: value for name, value in document.items() if value is not None}


def key_set(keys: SigningKeys, lie: Misbehaviour) -> dict[str, object]:
    """RFC 7517 §5, with strangers among the keys if asked."""
    if lie.algorithm:
        keys.key_for(lie.algorithm)
    published: list[Mapping[str, object]] = [new_rsa_jwk() for _ in range(lie.extra_keys)]
    published += keys.public_keys()
    if lie.extra_mac_key:
        published.insert(0, {"kty": "MAC", "alg": "HS256", "use": "sig", "kid": "mac", "value": "tokenkey"})
        published.insert(0, {"kty": "oct", "alg": "HS256", "use": "sig", "kid": "oct", "k": "dG9rZW5rZXk"})
    if lie.extra_strange_key:
        published.insert(0, {"kty": "QUANTUM", "kid": "from-the-future", "q": "AQAB"})
        published.insert(0, {"kty": "RSA", "kid": "damaged", "n": "!!", "e": "AQAB"})
    if lie.keys_without_kid:
        published = [{name: value for name, value in key.items() if name != "kid"} for key in published]
    return {"keys": published}
