"""Follow the document on disk: a good one replaces the runtime, a bad one changes nothing; both are audited."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.reload import DocumentWatcher
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.managers.settings import Settings
from airflow_oidc_auth.sessions.periodic import Periodic

log = logging.getLogger(__name__)

LOOK_EVERY = 10.0
SHOWN_PROBLEMS = 3
DIGEST_LENGTH = 12


class Reloading:
    """Watch the document and tell the engine.

    :param apply: replaces the runtime
    :param audit: the audit log of the current runtime
    """

    def __init__(
        self,
        settings: Settings,
        current: CompiledConfig,
        apply: Callable[[CompiledConfig], None],
        audit: Callable[[], AuditLog],
    ) -> None:
        path = Path(settings.config_file or "")
        self._source = str(path)
        self._apply = apply
        self._audit = audit
        self._watcher = DocumentWatcher(
            source=self._source,
            read=path.read_bytes,
            compile=settings.compile_document,
            current=current,
            accept=self._accept,
            reject=self._reject,
        )
        self._periodic = Periodic("oidc-auth-reload", self._watcher.look, LOOK_EVERY, first_delay=LOOK_EVERY)

    def start(self) -> None:
        """Begin to look."""
        self._periodic.start()

    def stop(self) -> None:
        """End."""
        self._periodic.stop()

    def _accept(self, new: CompiledConfig, old: CompiledConfig) -> None:
        self._apply(new)
        digests = (("digest", new.digest[:DIGEST_LENGTH]), ("digest_before", old.digest[:DIGEST_LENGTH]))
        self._record(AuthEvent.CONFIG_RELOADED, "document_changed", (*digests, ("file", self._source)))

    def _reject(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            log.error("configuration rejected, the old one stays: %s", problem)
        shown = tuple(
            (f"problem_{number}", str(problem)) for number, problem in enumerate(problems[:SHOWN_PROBLEMS], 1)
        )
        self._record(AuthEvent.CONFIG_REJECTED, "configuration_invalid", (("problems", len(problems)), *shown))

    def _record(self, event: AuthEvent, reason: str, detail: tuple[tuple[str, str | int], ...]) -> None:
        correlation_id = secrets.token_hex(8)
        self._audit().record(AuditRecord(event, correlation_id, reason, owner="airflow-oidc-auth", detail=detail))
