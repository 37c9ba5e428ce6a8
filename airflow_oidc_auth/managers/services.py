"""What outlives a reload: the live sessions, where audit goes, and the facts of this deployment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_oidc_auth.audit.sink import AuditSink
from airflow_oidc_auth.audit.window import FailureWindow
from airflow_oidc_auth.managers.audit_trail import AuditTrail
from airflow_oidc_auth.managers.metrics import Metrics
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.live import LiveSessions


@dataclass(frozen=True, slots=True)
class Services:
    """Built once per process.

    :param base_url: ``[api] base_url`` without trailing slash
    :param clock: epoch seconds
    """

    base_url: str
    fernet_keys: Secret
    clock: Callable[[], float]
    live: LiveSessions
    sinks: tuple[AuditSink, ...]
    window: FailureWindow
    metrics: Metrics
    trail: AuditTrail
