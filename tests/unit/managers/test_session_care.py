"""The background work follows the document in force, and tells audit and metrics what it did."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.audit.window import FailureWindow
from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.managers.audit_trail import AuditTrail
from airflow_oidc_auth.managers.metrics import Metrics
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.session_care import SessionCare
from airflow_oidc_auth.providers.provider import Confirmation, HeldTokens, SignIn
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.audit_statements import AuditStatements
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck_report import RecheckRules, Verdict
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.unit.login.rig import Clock, MemorySink

ADA = Identity("okta", "https://idp.example", "ada", "Ada")


@dataclass
class Idp:
    """Confirms everybody, until told otherwise."""

    refuses: bool = False
    asked: int = 0

    def can_confirm(self, tokens: HeldTokens) -> bool:
        return True

    def confirm(self, tokens: HeldTokens, known: Identity) -> Confirmation:
        self.asked += 1
        if self.refuses:
            raise LoginRefused("session_refused_by_provider", "invalid_grant")
        return Confirmation(tokens, known)


@dataclass
class Care:
    """Session care around a store in memory; ``runtime`` is replaced as a hot reload does."""

    clock: Clock = field(default_factory=Clock)
    sink: MemorySink = field(default_factory=MemorySink)
    idp: Idp = field(default_factory=Idp)
    roles: tuple[str, ...] = ("Op",)
    runtime: Any = None

    def __post_init__(self) -> None:
        self.live = LiveSessions(MemorySessionStore(), clock=self.clock)
        self.metrics = Metrics(legacy_names=False)
        keys = Secret("Zm9yIHRlc3RzIG9ubHksIG5vdCBhIHJlYWwga2V5ISE=")
        trail = AuditTrail(AuditStatements(), self.clock)
        services = Services("https://a", keys, self.clock, self.live, (), FailureWindow(), self.metrics, trail)
        self.accept(SessionSettings(43200))
        self.care = SessionCare(services, lambda: self.runtime)

    def accept(self, settings: SessionSettings) -> None:
        def judge(session: Session, identity: Identity, now: int) -> Verdict:
            return Verdict(Grant(self.roles) if self.roles else Refusal("no_matching_rule", "grants.rules"))

        rules = RecheckRules(settings.recheck, {"okta": self.idp}, judge)
        config = SimpleNamespace(sessions=settings)
        audit = AuditLog([self.sink, self.metrics], fail_login=True)
        self.runtime = SimpleNamespace(config=config, audit=audit, rechecks=rules)

    def open(self) -> Session:
        opening = self.live.open(
            SignIn(ADA, refresh_token=Secret("r")),
            Grant(("Op",)),
            expires_at=int(self.clock()) + 43200,
            client_address=None,
            recheck=300,
        )
        return asyncio.run(opening).session

    def use(self, session: Session) -> None:
        self.care.requests.note(session.id, "/dags", "GET", navigation=True)

    def pass_time(self, seconds: int, session: Session | None = None) -> None:
        """Let time go by; a session that is used all the while is used at its end."""
        self.clock.ahead += seconds
        if session:
            self.use(session)
            self.care._write_activity()
        self.care._rechecker.look()
        self.care._rechecker.wait(5)
        self.care._idle.sweep()

    def told(self) -> list[tuple[str, str]]:
        return [(record.event.value, record.reason) for record in self.sink.records]


def test_a_role_that_the_rules_give_no_more_goes_at_the_next_check_and_is_audited() -> None:
    care = Care()
    session = care.open()
    care.roles = ("Viewer",)
    care.pass_time(301, session)
    changed = asyncio.run(care.live.load(session.id))
    assert changed is not None
    assert changed.grant.roles == ("Viewer",)
    assert care.told() == [("auth.roles_changed", "recheck")]
    record = care.sink.records[0]
    assert (record.roles_before, record.roles_after, record.session_ref) == (("Op",), ("Viewer",), session.id[:8])
    assert care.metrics._counts["oidc_auth.rechecks", (("provider", "okta"), ("result", "regraded"))] == 1


def test_whom_the_idp_refuses_is_out_and_it_is_audited() -> None:
    care = Care()
    session = care.open()
    care.idp.refuses = True
    care.pass_time(301, session)
    assert care.live.peek(session.id) is None
    assert care.told() == [("auth.session_ended", "session_refused_by_provider")]


def test_a_session_that_nobody_uses_is_not_asked_about() -> None:
    care = Care()
    care.open()
    care.pass_time(3600)
    assert care.idp.asked == 0


def test_a_hot_reload_switches_checks_off_and_on() -> None:
    care = Care()
    session = care.open()
    care.accept(SessionSettings(43200, recheck=None))
    care.pass_time(301, session)
    assert care.idp.asked == 0
    care.accept(SessionSettings(43200, recheck=300))
    care.pass_time(10, session)
    assert care.idp.asked == 1


def test_a_hot_reload_brings_an_idle_timeout_and_use_keeps_a_session_alive() -> None:
    care = Care()
    used, left = care.open(), care.open()
    care.pass_time(1000, used)
    assert care.told() == []
    care.accept(SessionSettings(43200, idle_timeout=900))
    care.pass_time(100, used)
    assert care.live.peek(left.id) is None
    assert care.live.peek(used.id) is not None
    assert care.told() == [("auth.session_ended", "idle_timeout")]


def test_my_access_hears_of_the_limits_and_of_the_next_check() -> None:
    care = Care()
    session = care.open()
    care.accept(SessionSettings(43200, recheck=300, idle_timeout=900, max_per_user=2))
    outlook = asyncio.run(care.care.outlook_of(session))
    assert (outlook.check_due_at, outlook.idle_timeout, outlook.max_per_user) == (session.check_due_at, 900, 2)
    care.pass_time(301, session)
    later = asyncio.run(care.care.outlook_of(session))
    assert later.checked_at is not None
    assert (later.check_due_at or 0) > int(care.clock())
    care.live.store.down = True  # type: ignore[attr-defined]
    assert asyncio.run(care.care.outlook_of(session)).check_due_at == session.check_due_at
    care.accept(SessionSettings(43200, recheck=None))
    assert asyncio.run(care.care.outlook_of(session)).check_due_at is None


def test_it_starts_stops_and_writes_what_was_seen() -> None:
    care = Care()
    session = care.open()
    care.care.start()
    care.clock.ahead += 100
    care.use(session)
    care.care.stop()
    stored = care.live.store.load(session.id, now=int(care.clock()))
    assert stored is not None
    assert (stored.seen_at or 0) > session.created_at


def test_a_store_that_is_away_at_the_end_costs_the_last_seconds_only() -> None:
    care = Care()
    session = care.open()
    care.care.start()
    care.use(session)
    care.live.store.down = True  # type: ignore[attr-defined]
    care.care.stop()
