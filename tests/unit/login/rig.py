"""The journey with everything real around it: fake IdP over HTTP, real provider, rules, sessions, audit."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.grants.rules import compile_rules
from airflow_oidc_auth.grants.settings import RequirementSettings, RuleSettings
from airflow_oidc_auth.identity.claims import parse_claim_path
from airflow_oidc_auth.login.attempts import AttemptCookies
from airflow_oidc_auth.login.journey import Journey, RunningProvider, build_redirect_uri
from airflow_oidc_auth.login.keys import derive_attempt_fernet
from airflow_oidc_auth.providers.pool import ProviderPool
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.store import SessionStore
from airflow_oidc_auth.testing import FakeIdp
from airflow_oidc_auth.testing.stores import MemorySessionStore

BASE_URL = "https://airflow.example/data"
FERNET_KEYS = Secret("Zm9yIHRlc3RzIG9ubHksIG5vdCBhIHJlYWwga2V5ISE=")
LIFETIME = 12 * 3600
ROLES = ("Admin", "Op", "User", "Viewer", "Public")

RULES = (
    RuleSettings("administrators", "grants.rules[0]", {"group": "airflow-admins"}, ("Admin",)),
    RuleSettings("operators", "grants.rules[1]", {"group_glob": "*-ops"}, ("Op",)),
    RuleSettings("viewers", "grants.rules[2]", {"group": "airflow-viewers"}, ("Viewer",)),
)


class Clock:
    """The time, and a way to let it pass."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class MemorySink:
    """Keep what is written; ``down`` fails as a database that is gone."""

    records: list[AuditRecord] = field(default_factory=list)
    down: bool = False

    def write(self, record: AuditRecord) -> None:
        if self.down:
            raise OidcAuthError("session_store_unavailable", "audit sink down")
        self.records.append(record)

    def events(self) -> list[str]:
        return [record.event.value for record in self.records]


@dataclass
class Rig:
    """A journey and its surroundings."""

    idp: FakeIdp
    journey: Journey
    sessions: LiveSessions
    store: Any
    sink: MemorySink
    clock: Clock
    providers: dict[str, RunningProvider]
    random: list[str] = field(default_factory=list)


def provider_settings(idp: FakeIdp, provider_id: str = "okta", label: str = "Company login") -> ProviderSettings:
    return ProviderSettings(
        id=provider_id,
        label=label,
        preset="oidc",
        issuer=idp.issuer,
        client_id=idp.client_id,
        client_secret=Secret(idp.client_secret),
        groups=(GroupSource("id_token", parse_claim_path("groups")),),
        name_claims=(parse_claim_path("name"),),
        email_claim=parse_claim_path("email"),
        email_verified_claim=parse_claim_path("email_verified"),
    )


@contextmanager
def run_rig(
    *,
    provider_ids: Sequence[str] = ("okta",),
    require: Sequence[RequirementSettings] = (),
    fail_login: bool = True,
    token_urlsafe: Callable[[int], str] = secrets.token_urlsafe,
    settings: SessionSettings | None = None,
    kept_in: SessionStore | None = None,
    rules: Sequence[RuleSettings] = RULES,
) -> Iterator[Rig]:
    clock, store, sink = Clock(), kept_in or MemorySessionStore(), MemorySink()
    uris = [build_redirect_uri(BASE_URL, provider_id) for provider_id in ("okta", "entra", "gone")]
    with FakeIdp(redirect_uris=uris) as idp:
        pools = [ProviderPool(provider_id) for provider_id in provider_ids]
        providers = {
            pool.name: RunningProvider(build_provider(provider_settings(idp, pool.name), clock=clock), pool)
            for pool in pools
        }
        sessions = LiveSessions(store, clock=clock)
        journey = Journey(
            providers=providers,
            rules=compile_rules(rules, require, known_roles=ROLES),
            sessions=sessions,
            audit=AuditLog([sink], fail_login),
            attempts=AttemptCookies(
                derive_attempt_fernet(FERNET_KEYS),
                clock,
                lambda provider_id: build_redirect_uri(BASE_URL, provider_id),
                f"{BASE_URL}/",
            ),
            base_url=BASE_URL,
            settings=settings or SessionSettings(LIFETIME),
            clock=clock,
            token_urlsafe=token_urlsafe,
        )
        try:
            yield Rig(idp, journey, sessions, store, sink, clock, providers)
        finally:
            sessions.stop()
            for pool in pools:
                pool.close()
