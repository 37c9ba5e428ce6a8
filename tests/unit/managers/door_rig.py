"""The doors with everything real behind them but Airflow: fake IdP over HTTP, issuers, rules, a store in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from airflow_oidc_auth.audit.window import FailureWindow
from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.login.rate_limits import KeptRateLimits
from airflow_oidc_auth.managers.admission import PolicyAdmission
from airflow_oidc_auth.managers.audit_trail import AuditTrail
from airflow_oidc_auth.managers.doors import Doors
from airflow_oidc_auth.managers.freshness import Freshness
from airflow_oidc_auth.managers.metrics import Metrics
from airflow_oidc_auth.managers.runtime import Runtime, build_runtime
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.sessions.audit_statements import AuditStatements
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.testing import FakeIdp, MemoryAuditSink
from airflow_oidc_auth.testing.stores import MemorySessionStore
from airflow_oidc_auth.web.api_call import BEARER, CALL, ApiCall
from tests.unit.login.rig import BASE_URL, FERNET_KEYS, Clock

API = "urn:airflow:api"
ME = "/api/v2/dags"
ADDRESS = "203.0.113.7"
RULES = [
    {"name": "admins", "when": {"group": "airflow-admins"}, "roles": ["Admin"]},
    {"name": "viewers", "when": {"group": "airflow-viewers"}, "roles": ["Viewer"]},
]


class NoTokens:
    """Stands for Airflow's own tokens where none is brought."""

    def recall(self, token: str) -> None:
        return None

    async def verify(self, token: str) -> Any:
        from jwt import InvalidTokenError

        raise InvalidTokenError("none of ours")


@dataclass
class DoorRig:
    """The doors and what is behind them; ``accept`` is a hot reload."""

    idp: FakeIdp
    clock: Clock = field(default_factory=Clock)
    sink: MemoryAuditSink = field(default_factory=MemoryAuditSink)
    rules: list[dict[str, Any]] = field(default_factory=lambda: list(RULES))
    api: Mapping[str, Any] = field(default_factory=dict)
    tokens: Any = field(default_factory=NoTokens)
    stale_for: float = 0.0
    runtime: Runtime = field(init=False)

    def __post_init__(self) -> None:
        self.live = LiveSessions(MemorySessionStore(), clock=self.clock)
        metrics = Metrics(legacy_names=False)
        trail = AuditTrail(AuditStatements(), self.clock)
        window = FailureWindow()
        self.services = Services(BASE_URL, FERNET_KEYS, self.clock, self.live, (self.sink,), window, metrics, trail)
        self.runtime = build_runtime(self.compile(), self.services)
        admission = PolicyAdmission()
        admission.accept(self.runtime.config)
        freshness = Freshness(lambda: self.stale_for)
        limits = KeptRateLimits(BASE_URL)
        self.doors = Doors(
            self.services,
            lambda: self.runtime,
            self.tokens,
            admission,
            freshness,
            lambda _: True,
            lambda: limits.of(self.runtime.config.rate_limits),
        )

    def compile(self) -> CompiledConfig:
        """Return the configuration of the document as it is now."""
        provider = {
            "preset": "oidc",
            "issuer": self.idp.issuer,
            "client_id": self.idp.client_id,
            "client_secret": {"env": "SECRET"},
            "api": {"audience": API, **self.api},
        }
        document = {"version": 1, "providers": {"idp": provider}, "grants": {"rules": self.rules}}
        secrets = SecretResolver(environ={"SECRET": self.idp.client_secret})
        raw = load_document(json.dumps(document), "test.yaml")
        return compile_document(raw, secrets=secrets, known_roles=BUILTIN_ROLES)

    def accept(self) -> None:
        """Follow the document as a hot reload does."""
        old, self.runtime = self.runtime, build_runtime(self.compile(), self.services)
        self.doors.bearer.forget()
        old.close()

    def token(self, subject: str = "ada@example.com", **options: Any) -> str:
        return self.idp.programs.jwt(subject, options.pop("audience", API), options.pop("program", None), **options)

    async def enter(
        self,
        token: str,
        scheme: str = BEARER,
        headers: Mapping[str, str] | None = None,
        address: str = ADDRESS,
    ) -> SessionUser:
        """Be core: ask who calls, with what our middleware has read."""
        before = CALL.set(make_call(token, scheme, headers, address))
        try:
            return await self.doors.user_of(token)
        finally:
            CALL.reset(before)

    def run(self, token: str, **options: Any) -> SessionUser:
        return asyncio.run(self.enter(token, **options))

    def close(self) -> None:
        self.runtime.close()
        self.live.stop()


def make_call(
    token: str, scheme: str = BEARER, headers: Mapping[str, str] | None = None, address: str = ADDRESS
) -> ApiCall:
    """Return what our middleware makes of a request."""
    sent = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": "GET", "path": ME, "headers": sent, "client": (address, 1)}
    return ApiCall(scope, lambda: BASE_URL, scheme, token)


@contextmanager
def door_rig(idp: FakeIdp | None = None, **options: Any) -> Iterator[DoorRig]:
    """Run the rig; keys are fetched already, as they are on a server some seconds after its start."""
    with idp or FakeIdp() as running:
        rig = DoorRig(running, **options)
        warm(rig)
        try:
            yield rig
        finally:
            rig.close()


def warm(rig: DoorRig) -> None:
    """Fetch discovery and keys."""
    issuer = rig.runtime.issuers.get("idp")
    assert issuer is not None
    issuer.party.metadata.get()
    issuer.party.keys.load()
