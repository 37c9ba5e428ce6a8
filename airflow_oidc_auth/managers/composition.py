"""The composition root: the one place that knows which implementation stands behind each interface."""

from __future__ import annotations

import logging
import time

from airflow.api_fastapi.auth.tokens import JWTGenerator, JWTValidator

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.audit.stream import StructuredLogSink
from airflow_oidc_auth.audit.window import FailureWindow
from airflow_oidc_auth.managers.admission import Admission, PolicyAdmission
from airflow_oidc_auth.managers.audit_trail import AuditTrail
from airflow_oidc_auth.managers.call_log import complete_extra
from airflow_oidc_auth.managers.engine import Engine, kept_documents
from airflow_oidc_auth.managers.metrics_feed import build_metrics
from airflow_oidc_auth.managers.runtime import build_runtime
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.settings import Settings, load_server_settings
from airflow_oidc_auth.managers.starting import choose_start
from airflow_oidc_auth.managers.teams import is_multi_team
from airflow_oidc_auth.managers.tokens import AirflowTokens
from airflow_oidc_auth.sessions.accounts import Accounts
from airflow_oidc_auth.sessions.audit_statements import AuditStatements
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.documents import KeptDocument
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.live import LiveSessions

log = logging.getLogger(__name__)


def build_engine(signer: JWTGenerator, validator: JWTValidator, *, fab_mode: bool = False) -> Engine:
    """Read the settings and compose the engine; starts no thread and calls no IdP.

    The database is asked only for Airflow's teams, in multi-team mode, and for the last accepted document, when the one
    on disk cannot be used.

    :raises ConfigurationError: with every problem
    """
    start = choose_start(load_server_settings(fab_mode=fab_mode), _find_kept)
    settings, config = start.settings, start.in_force.config
    without_teams = () if is_multi_team() else config.without_teams
    for warning in (*settings.warnings, *config.warnings, *without_teams):
        log.warning("%s", warning)
    services, admission = _compose(settings)
    tokens = AirflowTokens(signer, validator, services.clock, fab_mode=fab_mode)
    return Engine(services, build_runtime(config, services), tokens, start, admission)


def _find_kept(settings: Settings) -> KeptDocument | None:
    return kept_documents(settings).find(settings.place)


def _compose(settings: Settings) -> tuple[Services, Admission]:
    if settings.fab is None:
        return _build_services(settings, None), PolicyAdmission()
    from airflow_oidc_auth.managers.fab_parts import build_accounts, build_admission

    accounts = build_accounts(settings.fab)
    services = _build_services(settings, accounts)
    return services, build_admission(services, accounts, settings.fab)


def _build_services(settings: Settings, accounts: Accounts | None) -> Services:
    fernet_keys = settings.required_fernet_keys()
    store, metrics = DatabaseSessionStore(TokenCipher(fernet_keys), accounts=accounts), build_metrics()
    trail = AuditTrail(AuditStatements(), time.time)
    rows = AirflowLogSink(chain=lambda: trail.chain, complete=complete_extra)
    return Services(
        base_url=settings.base_url,
        fernet_keys=fernet_keys,
        clock=time.time,
        live=LiveSessions(store),
        sinks=(rows, StructuredLogSink(), metrics),
        window=FailureWindow(),
        metrics=metrics,
        trail=trail,
    )
