"""Access tokens with real signatures, and an issuer that answers from memory and counts what it is asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.bearer import BearerIssuer, BearerIssuers, build_bearer_issuers
from airflow_oidc_auth.providers.presets import Given, preset
from airflow_oidc_auth.providers.settings import ApiSettings, ProviderSettings
from airflow_oidc_auth.providers.transport import HttpAnswer
from tests.unit.providers.making import ISSUER, NOW, Clock, encode, make_settings, public, sign

API = "https://airflow.example/api"
KID = "k1"


class Documents:
    """A transport (:class:`airflow_oidc_auth.providers.transport.Transport`) over documents in memory."""

    def __init__(self, issuer: str = ISSUER, discovery_url: str | None = None) -> None:
        self.keys: list[dict[str, Any]] = [public("RS256", kid=KID), public("ES256", kid="k2")]
        self.asked: Counter[str] = Counter()
        self.down = False
        self.answer: Callable[[Mapping[str, str]], object] = lambda _: {"active": False}
        self.metadata: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "introspection_endpoint": f"{ISSUER}/introspect",
            "jwks_uri": f"{ISSUER}/jwks",
        }
        self.discovery_url = discovery_url or f"{issuer.rstrip('/')}/.well-known/openid-configuration"

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        documents = {self.discovery_url: self.metadata, f"{ISSUER}/jwks": {"keys": self.keys}}
        self._ask(url)
        return HttpAnswer(url, 200, {}, _json(documents[url]))

    def post(self, url: str, *, form: Any = None, **_: Any) -> HttpAnswer:
        self._ask(url)
        return HttpAnswer(url, 200, {}, _json(self.answer(form or {})))

    def _ask(self, url: str) -> None:
        if self.down:
            raise ProviderError("provider_unreachable", "down")
        self.asked[url.removeprefix(ISSUER)] += 1


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def api_settings(**changes: Any) -> ApiSettings:
    return ApiSettings(**{"audiences": (API,), **changes})


def settings_of(preset_name: str, issuer: str, **changes: Any) -> ProviderSettings:
    """Return a preset's settings as the configuration would make them, as far as tokens are concerned."""
    chosen = preset(preset_name)
    derived = chosen.derive(Given(issuer=issuer, client_id="airflow"))
    api = changes.pop("api", api_settings(token_types=chosen.token_types, subject_claim=chosen.subject_claim))
    fields: dict[str, Any] = {
        "id": preset_name,
        "preset": preset_name,
        "issuer": derived.issuer,
        "issuer_aliases": derived.issuer_aliases,
        "discovery_url": derived.discovery_url,
        "groups": chosen.groups if derived.groups is None else derived.groups,
        "name_claims": chosen.name_claims,
        "algorithms": chosen.algorithms,
        "options": derived.options,
        "signs_in": chosen.workload is None,
        "api": api,
    }
    return make_settings(**{**fields, **changes})


class Rig:
    """One issuer of access tokens, its documents and a clock."""

    def __init__(
        self, settings: ProviderSettings | None = None, documents: Documents | None = None, **api: Any
    ) -> None:
        self.settings = settings or make_settings(api=api_settings(**api))
        self.documents = documents or Documents(self.settings.issuer, self.settings.discovery_url)
        self.clock = Clock()
        self.spawned: list[Callable[[], None]] = []
        self.issuers: BearerIssuers = build_bearer_issuers(
            [self.settings], {self.settings.id: self.documents}, self.clock, spawn=self.spawned.append
        )
        found = self.issuers.get(self.settings.id)
        assert found is not None
        self.issuer: BearerIssuer = found

    def with_api(self, **changes: Any) -> Rig:
        assert self.settings.api is not None
        return Rig(replace(self.settings, api=replace(self.settings.api, **changes)))


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good access token (RFC 9068 §2.2)."""
    good = {
        "iss": ISSUER,
        "sub": "5d3a-0001",
        "aud": API,
        "exp": int(NOW) + 300,
        "iat": int(NOW),
        "jti": "t-1",
        "client_id": "ci",
        "scope": "dags.read dags.run",
        "groups": ["data", "ops"],
        "name": "Ada",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def access_token(algorithm: str = "RS256", header: Mapping[str, object] | None = None, **changes: Any) -> str:
    """Return a good access token with these changes."""
    said: dict[str, object] = {"typ": "at+jwt", "kid": {"RS256": KID, "ES256": "k2"}.get(algorithm), **(header or {})}
    return sign(claims(**changes), algorithm, header={name: value for name, value in said.items() if value is not ...})


def raw_token(header: str, payload: str, signature: bytes = b"x") -> str:
    """Return a token of these very texts, however odd."""
    return f"{encode(header)}.{encode(payload)}.{encode(signature)}"
