"""What is counted, under which names; and that nobody waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.managers.metrics import Metrics
from airflow_oidc_auth.managers.metrics_feed import EVERY, CountedPermissions, MetricsFeed
from airflow_oidc_auth.managers.user import OidcUser
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.permissions import Permissions


class Stats:
    """What Airflow's metrics would be told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def incr(self, stat: str, count: int | None = None, *, tags: dict[str, str] | None = None) -> None:
        self.told.append((stat, count, tags or {}))

    def gauge(self, stat: str, value: float, *, tags: dict[str, str] | None = None) -> None:
        self.told.append((stat, value, tags or {}))

    def timing(self, stat: str, dt: float, *, tags: dict[str, str] | None = None) -> None:
        self.told.append((stat, round(dt), tags or {}))


def flushed(metrics: Metrics, sessions: int = 7) -> list[tuple[Any, ...]]:
    stats = Stats()
    metrics.flush(stats, lambda: sessions)
    return stats.told


def record(event: AuthEvent, count: int = 1, provider: str | None = "okta", reason: str = "x") -> AuditRecord:
    return AuditRecord(event, "ref", reason, provider=provider, count=count)


def test_sign_ins_are_counted_by_provider_and_result() -> None:
    metrics = Metrics(legacy_names=False)
    for each in (
        record(AuthEvent.LOGIN),
        record(AuthEvent.LOGIN),
        record(AuthEvent.LOGIN_REFUSED),
        record(AuthEvent.LOGIN_FAILED, count=40, provider=None),
        record(AuthEvent.LOGOUT),
        record(AuthEvent.SESSION_ENDED, reason="idle_timeout"),
    ):
        metrics.write(each)
    assert flushed(metrics) == [
        ("oidc_auth.logins", 2, {"provider": "okta", "result": "ok"}),
        ("oidc_auth.logins", 1, {"provider": "okta", "result": "refused"}),
        ("oidc_auth.logins", 40, {"provider": "unknown", "result": "failed"}),
        ("oidc_auth.sessions_ended", 1, {"reason": "idle_timeout"}),
        ("oidc_auth.active_sessions", 7, {}),
    ]
    assert flushed(metrics) == []


def test_plain_statsd_gets_names_that_hold_what_tags_would_say() -> None:
    metrics = Metrics()
    metrics.recheck("okta", "confirmed")
    metrics.exchange("okta", "provider_timeout", 5.0)
    assert [(name, number) for name, number, _ in flushed(metrics)] == [
        ("oidc_auth.rechecks", 1),
        ("oidc_auth.rechecks.okta.confirmed", 1),
        ("oidc_auth.idp_latency", 5000),
        ("oidc_auth.idp_latency.okta.provider_timeout", 5000),
        ("oidc_auth.active_sessions", 7),
    ]


def test_the_sessions_are_counted_once_a_minute() -> None:
    metrics = Metrics()
    gauges = [len(flushed(metrics)) for _ in range(12)]
    assert gauges == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]


def test_a_database_that_is_away_costs_one_number_only() -> None:
    metrics, stats = Metrics(legacy_names=False), Stats()
    metrics.recheck("okta", "outage")

    def down() -> int:
        raise SessionError("session_store_unavailable")

    with pytest.raises(SessionError):
        metrics.flush(stats, down)
    assert [name for name, *_ in stats.told] == ["oidc_auth.rechecks"]


def test_counted_permissions_answer_as_the_others_do() -> None:
    known: Permissions = Policy().permissions(["Viewer"])
    user = OidcUser(None, known)  # type: ignore[arg-type]
    metrics = Metrics(legacy_names=False)
    feed = MetricsFeed(metrics, lambda: 0.0)
    feed._is_on = True
    for _ in range(EVERY - 1):
        feed.sample(user)
        assert user.permissions is known
    feed.sample(user)
    counted = user.permissions
    assert isinstance(counted, CountedPermissions)
    for method in ("GET", "POST"):
        assert counted.allows(method, "Pools") == known.allows(method, "Pools")
        assert counted.allows_dag(method, None, "a") == known.allows_dag(method, None, "a")
        assert counted.allows_every_dag(method) == known.allows_every_dag(method)
        assert counted.allows_custom_view(method, "Pools") == known.allows_custom_view(method, "Pools")
    assert counted.allows_view("WEBSITE") == known.allows_view("WEBSITE")
    told = {tags["answer"]: number for _, number, tags in flushed(metrics) if tags}
    assert sum(told.values()) == 7 * EVERY
    assert told["denied"] >= 2 * EVERY


def test_a_look_at_the_decisions_answers_every_question_as_the_permissions_do() -> None:
    """Another kind of permissions may deny what the fields of this one allow."""

    class Stricter(Permissions):
        def allows_named(self, method: str, resource: str, name: str | None, team: str | None = None) -> bool:
            return False

        def a_question_of_a_later_release(self) -> str:
            return "no"

    counted = CountedPermissions(Stricter(everything=True), Metrics().decisions)
    assert not counted.allows_named("GET", "Pools", "p", team="t")
    assert counted.a_question_of_a_later_release() == "no"
    assert counted.everything


def test_without_metrics_no_request_is_looked_at() -> None:
    user = OidcUser(None, Policy().permissions(["Viewer"]))  # type: ignore[arg-type]
    feed = MetricsFeed(Metrics(), lambda: 0.0)
    for _ in range(2 * EVERY):
        feed.sample(user)
    assert not isinstance(user.permissions, CountedPermissions)


def test_numbers_go_through_airflows_own_metrics() -> None:
    from airflow._shared.observability.metrics.base_stats_logger import NoStatsLogger
    from airflow.observability import stats

    told: list[tuple[str, dict[str, Any]]] = []

    class Backend(NoStatsLogger):
        """What StatsD or OpenTelemetry would be handed."""

        def incr(self, stat: str, **given: Any) -> None:
            told.append((stat, given))

        def gauge(self, stat: str, value: float, **given: Any) -> None:
            told.append((stat, {"value": value, **given}))

        def timing(self, stat: str, dt: float, **given: Any) -> None:
            told.append((stat, {"ms": dt, **given}))

    stats.initialize(factory=Backend, export_legacy_names=True)
    try:
        metrics = Metrics(legacy_names=False)
        metrics.write(record(AuthEvent.LOGIN))
        metrics.exchange("okta", "ok", 0.25)
        metrics.flush(stats, lambda: 3)
    finally:
        stats.initialize(factory=NoStatsLogger, export_legacy_names=True)
    assert told == [
        ("oidc_auth.logins", {"count": 1, "tags": {"provider": "okta", "result": "ok"}}),
        ("oidc_auth.idp_latency", {"ms": 250.0, "tags": {"provider": "okta", "result": "ok"}}),
        ("oidc_auth.active_sessions", {"value": 3}),
    ]


def test_refused_tokens_are_counted_and_an_hours_token_is_no_sign_in() -> None:
    metrics = Metrics(legacy_names=False)
    metrics.write(record(AuthEvent.TOKEN_REFUSED, count=7, reason="token_expired"))
    metrics.write(AuditRecord(AuthEvent.LOGIN, "ref", "rules_matched", provider="okta", detail=(("via", "bearer"),)))
    told = [each for each in flushed(metrics) if each[0] != "oidc_auth.active_sessions"]
    assert told == [("oidc_auth.tokens_refused", 7, {"provider": "okta", "reason": "token_expired"})]
