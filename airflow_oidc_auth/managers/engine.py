"""The composition root: the one place that knows which implementation stands behind each interface.

``build_engine`` reads the settings and composes; ``Engine.start`` and ``Engine.stop`` are called by the web
sub-app's lifespan, after any fork. What follows the document is in :class:`~airflow_oidc_auth.managers.runtime.Runtime`
and is replaced as a whole; everything else lives as long as the process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from airflow.api_fastapi.app import get_cookie_path
from airflow.api_fastapi.auth.tokens import JWTGenerator, JWTValidator
from airflow.configuration import conf

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.audit.stream import StructuredLogSink
from airflow_oidc_auth.audit.window import FailureWindow
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.login.journey import Journey, RunningProvider
from airflow_oidc_auth.managers.reloading import Reloading
from airflow_oidc_auth.managers.runtime import Runtime, build_runtime
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.settings import Settings, load_settings
from airflow_oidc_auth.managers.tokens import AirflowTokens
from airflow_oidc_auth.managers.user import OidcUser
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.session import Session

FLUSH_EVERY = 5.0
OLD_RUNTIME_GRACE = 60.0


class Engine:
    """Everything that the auth manager and the web pages ask."""

    def __init__(self, services: Services, runtime: Runtime, tokens: AirflowTokens, settings: Settings) -> None:
        self.base_url = services.base_url
        self.fernet_keys = services.fernet_keys
        self.live = services.live
        self.tokens = tokens
        self.cookie_path = get_cookie_path()
        self.secure_cookies = services.base_url.startswith("https:") or bool(conf.get("api", "ssl_cert", fallback=""))
        self._services = services
        self._runtime = runtime
        self._policy = Policy()
        self._flush = Periodic("oidc-auth-audit", self._flush_audit, FLUSH_EVERY, first_delay=FLUSH_EVERY)
        self._reloading = (
            Reloading(settings, runtime.config, self._reload, self._audit) if settings.config_file else None
        )

    @property
    def journey(self) -> Journey:
        """The journey of the accepted document."""
        return self._runtime.journey

    @property
    def providers(self) -> Mapping[str, RunningProvider]:
        """The configured providers by id, in document order."""
        return self._runtime.providers

    @property
    def config(self) -> CompiledConfig:
        """The accepted document, compiled."""
        return self._runtime.config

    def user(self, session: Session) -> OidcUser:
        """Return the user of a live session, with the permissions of its roles."""
        return OidcUser(session, self._policy.permissions(session.grant.roles))

    def is_safe_url(self, url: str) -> bool:
        """Judge where a person may be sent, as Airflow judges it; only ``[api] base_url`` counts, never Host."""
        from airflow.api_fastapi.core_api.security import is_safe_url

        return is_safe_url(url)

    def start(self) -> None:
        """Begin the background threads; idempotent, after any fork."""
        self.live.start()
        self._flush.start()
        if self._reloading is not None:
            self._reloading.start()
        self._runtime.warm_up()

    def stop(self) -> None:
        """End the background threads and write what the audit still counts."""
        if self._reloading is not None:
            self._reloading.stop()
        self._flush.stop()
        self._audit().close()
        self.live.stop()
        self._runtime.close()

    def _audit(self) -> AuditLog:
        return self._runtime.audit

    def _flush_audit(self) -> None:
        self._runtime.audit.flush(self._services.clock())

    def _reload(self, config: CompiledConfig) -> None:
        old, self._runtime = self._runtime, build_runtime(config, self._services)
        self._runtime.warm_up()
        # Sign-ins in flight finish on the old one; nothing takes longer than an attempt's calls.
        closing = threading.Timer(OLD_RUNTIME_GRACE, old.close)
        closing.daemon = True
        closing.start()


def build_engine(signer: JWTGenerator, validator: JWTValidator) -> Engine:
    """Read the settings and compose the engine; starts no thread, calls no IdP and no database.

    :raises ConfigurationError: with every problem
    """
    settings = load_settings(resolve_secrets=True)
    config = settings.compile()
    services = _build_services(settings.base_url, settings.required_fernet_keys())
    tokens = AirflowTokens(signer, validator, services.clock)
    return Engine(services, build_runtime(config, services), tokens, settings)


def _build_services(base_url: str, fernet_keys: Secret) -> Services:
    store = DatabaseSessionStore(TokenCipher(fernet_keys))
    return Services(
        base_url=base_url,
        fernet_keys=fernet_keys,
        clock=time.time,
        store=store,
        live=LiveSessions(store),
        sinks=(AirflowLogSink(), StructuredLogSink()),
        window=FailureWindow(),
    )
