"""A vendor on paper: documents of the published shape, tokens signed by test keys, answers written down."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.presets import Given, preset
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing import RecordedTransport
from airflow_oidc_auth.testing.keys import SigningKeys, sign

NOW = 1_800_000_000
CLIENT_ID = "airflow-client"
NONCE = "n-0S6_WzA2Mj"


@functools.cache
def keys() -> SigningKeys:
    return SigningKeys()


def settings_for(name: str, issuer: str | None = None, **options: Any) -> ProviderSettings:
    """The five-line configuration, and the preset's own keys."""
    chosen = preset(name)
    given = Given(issuer=issuer, client_id=CLIENT_ID, options=options)
    assert chosen.check(given) == ()
    derived = chosen.derive(given)
    return ProviderSettings(
        id=name,
        label=chosen.vendor,
        preset=name,
        issuer=derived.issuer,
        client_id=CLIENT_ID,
        client_secret=Secret("s3cret"),
        client_auth=chosen.client_auth,
        scopes=chosen.scopes if derived.scopes is None else derived.scopes,
        issuer_aliases=derived.issuer_aliases,
        discovery_url=derived.discovery_url,
        algorithms=chosen.algorithms,
        userinfo=chosen.userinfo,
        authorization_parameters=derived.authorization_parameters,
        name_claims=chosen.name_claims,
        email_claim=chosen.email_claim,
        email_verified_claim=chosen.email_verified_claim,
        groups=chosen.groups if derived.groups is None else derived.groups,
        logout=chosen.logout,
        options=derived.options,
    )


def attempt() -> LoginAttempt:
    return LoginAttempt(
        provider="any",
        state="st-1",
        nonce=NONCE,
        code_verifier=Secret("v" * 43),
        redirect_uri="https://airflow.example/auth/callback/any",
        next_url="/",
        started_at=NOW - 5,
        correlation_id="c",
    )


def token(claims: Mapping[str, object], typ: str = "JWT", **header: object) -> str:
    key = keys().key_for("RS256")
    return sign({"alg": "RS256", "typ": typ, "kid": key.kid, **header}, claims, key)


@dataclass
class Vendor:
    """One vendor's published documents."""

    settings: ProviderSettings
    iss: str
    base: str
    discovery_url: str
    claims: Mapping[str, object]
    discovery: Mapping[str, object] = field(default_factory=dict)
    userinfo: Mapping[str, object] | None = None
    access_claims: Mapping[str, object] | None = None
    transport: RecordedTransport = field(default_factory=RecordedTransport)

    def __post_init__(self) -> None:
        document = {
            "issuer": self.iss,
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "jwks_uri": f"{self.base}/keys",
            **({"userinfo_endpoint": f"{self.base}/userinfo"} if self.userinfo is not None else {}),
            **self.discovery,
        }
        self.transport.answer("GET", self.discovery_url, document)
        self.transport.answer("GET", str(document["jwks_uri"]), {"keys": keys().public_keys()})
        if self.userinfo is not None:
            self.transport.answer("GET", f"{self.base}/userinfo", self.userinfo)
        self._token_endpoint = str(document["token_endpoint"])

    def id_token(self, **changes: object) -> str:
        basic = {"iss": self.iss, "aud": CLIENT_ID, "iat": NOW, "exp": NOW + 3600, "nonce": NONCE}
        claims = {**basic, **self.claims, **changes}
        return token({name: value for name, value in claims.items() if value is not ...})

    def provider(self) -> Any:
        return build_provider(self.settings, transport=self.transport, clock=lambda: NOW)

    def sign_in(self, **changes: object) -> SignIn:
        """Finish a sign-in whose id_token has these changes (``...`` removes a claim)."""
        access_token = "opaque-access-token"
        if self.access_claims is not None:
            basic = {"iss": self.iss, "iat": NOW, "exp": NOW + 3600, "sub": self.claims["sub"]}
            access_token = token({**basic, **self.access_claims})
        answer = {"access_token": access_token, "token_type": "bearer", "id_token": self.id_token(**changes)}
        self.transport.answer("POST", self._token_endpoint, answer)
        return self.provider().complete(attempt(), {"state": "st-1", "code": "c0de"})
