"""Make settings, attempts, keys and signed tokens: real keys, real signatures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings
from airflow_oidc_auth.secret import Secret

ISSUER = "https://idp.example"
CLIENT = "airflow"
CLIENT_SECRET = "the-client-secret-1f0c"
CODE_VERIFIER = "the-code-verifier-8d2a-0123456789-0123456789-012"
NONCE = "nonce-0123456789abcdef"
STATE = "state-0123456789abcdef"
NOW = 1_800_000_000.0
REDIRECT = "http://127.0.0.1:8080/auth/callback/fake"


class Clock:
    """A clock that moves when told."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_settings(**changes: Any) -> ProviderSettings:
    """Return settings of the generic preset."""
    fields: dict[str, Any] = {
        "id": "fake",
        "label": "Company login",
        "preset": "oidc",
        "issuer": ISSUER,
        "client_id": CLIENT,
        "client_secret": Secret(CLIENT_SECRET),
        "name_claims": (ClaimPath(("name",)), ClaimPath(("preferred_username",))),
        "email_claim": ClaimPath(("email",)),
        "email_verified_claim": ClaimPath(("email_verified",)),
        "groups": (GroupSource("id_token", ClaimPath(("groups",))),),
    }
    return ProviderSettings(**{**fields, **changes})


def make_attempt(**changes: Any) -> LoginAttempt:
    """Return an attempt with fixed state, nonce and verifier."""
    fields: dict[str, Any] = {
        "provider": "fake",
        "state": STATE,
        "nonce": NONCE,
        "code_verifier": Secret(CODE_VERIFIER),
        "redirect_uri": REDIRECT,
        "next_url": "/",
        "started_at": int(NOW),
        "correlation_id": "c-1",
    }
    return LoginAttempt(**{**fields, **changes})


def make_metadata(**changes: Any) -> ProviderMetadata:
    """Return metadata without any optional endpoint."""
    fields: dict[str, Any] = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
    }
    return ProviderMetadata(**{**fields, **changes})


def make_claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good id_token."""
    claims = {
        "iss": ISSUER,
        "sub": "5d3a-0001",
        "aud": CLIENT,
        "exp": int(NOW) + 300,
        "iat": int(NOW),
        "nonce": NONCE,
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not ...}


@cache
def make_key(algorithm: str) -> RSAKey | ECKey | OKPKey:
    """Return a private key for the algorithm, the same each time."""
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519")
    if algorithm.startswith("ES"):
        return ECKey.generate_key({"256": "P-256", "384": "P-384", "512": "P-521"}[algorithm[2:]])
    return RSAKey.generate_key(2048)


def public(algorithm: str, **members: Any) -> dict[str, Any]:
    """Return the public JWK of :func:`make_key`."""
    return {**make_key(algorithm).as_dict(private=False), **members}


def encode(value: object) -> str:
    """Return base64url of JSON, or of bytes or text as they are."""
    data = (
        value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    )
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(
    claims: object,
    algorithm: str = "RS256",
    *,
    key: RSAKey | ECKey | OKPKey | OctKey | None = None,
    header: Mapping[str, object] | None = None,
) -> str:
    """Return a compact JWS, also of things that no library would sign."""
    signing_input = f"{encode({'alg': algorithm, **(header or {})})}.{encode(claims)}"
    model = JWSRegistry.algorithms[algorithm]
    return f"{signing_input}.{encode(model.sign(signing_input.encode(), key or make_key(algorithm)))}"


def every_secret() -> Iterator[str]:
    """Yield every secret of these values, none of which may be seen anywhere."""
    yield CLIENT_SECRET
    yield CODE_VERIFIER
