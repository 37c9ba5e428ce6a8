"""Write each record to every sink, and decide what a failing sink means."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.audit.fields import dump_fields, record_fields, visible
from airflow_oidc_auth.audit.sink import AuditSink
from airflow_oidc_auth.audit.window import FailureWindow
from airflow_oidc_auth.errors import OidcAuthError, SessionError

log = logging.getLogger(__name__)

# What opens a door must not happen without its record, and what is told where the record cannot be written.
_OPENING = {AuthEvent.LOGIN: AuthEvent.LOGIN_FAILED, AuthEvent.TOKEN_ISSUED: AuthEvent.TOKEN_REFUSED}


class AuditLog:
    """The audit of one process. Thread-safe; blocks as its sinks do.

    :param sinks: in the order of their weight, the database first
    :param fail_login: no sign-in, and no new token, without its record (``audit.on_failure: fail``)
    """

    def __init__(self, sinks: Sequence[AuditSink], fail_login: bool, *, window: FailureWindow | None = None) -> None:
        self._sinks = tuple(sinks)
        self._fail_login = fail_login
        self._window = window or FailureWindow()

    def record(self, record: AuditRecord) -> None:
        """Write a record to every sink; one that fails keeps none of the others from it.

        :raises SessionError: ``audit_unavailable``, only for a sign-in or a new token that must not be without record
        """
        instead = _OPENING.get(record.event) if self._fail_login else None
        failed = False
        for sink in self._sinks:
            # The later sinks must not tell of a sign-in that is about to fail.
            told = replace(record, event=instead, reason="audit_unavailable") if failed and instead else record
            if not _write(sink, told) and instead:
                failed = True
        if failed:
            raise SessionError("audit_unavailable", f"{record.event.value} {record.correlation_id} has no audit record")

    def record_anonymous_failure(self, record: AuditRecord, now: float) -> None:
        """Write a failure of a caller whom nobody knows, or count it: a flood must not fill the table.

        :param now: epoch seconds
        """
        self.record_all(self.count_failure(record, now))

    def count_failure(self, record: AuditRecord, now: float) -> Sequence[AuditRecord]:
        """Count such a failure in memory; return what is to be written now, mostly nothing.

        For callers that must not block: they hand the result to :meth:`record_all` on a thread that may.

        :param now: epoch seconds
        """
        return self._window.add(record, now)

    def flush(self, now: float) -> None:
        """Write the counts of the windows that have passed; call it every few seconds."""
        self.record_all(self._window.flush(now))

    def close(self) -> None:
        """Write every count, before the process ends."""
        self.record_all(self._window.flush(float("inf")))

    def record_all(self, records: Sequence[AuditRecord]) -> None:
        """Write records, one after the other."""
        for record in records:
            self.record(record)


def _write(sink: AuditSink, record: AuditRecord) -> bool:
    try:
        sink.write(record)
    except OidcAuthError as error:
        fields = dump_fields({"event": record.event.value, "owner": visible(record.owner), **record_fields(record)})
        name = type(sink).__name__
        log.error("Audit record lost by %s (%s): %s", name, error, fields)  # noqa: TRY400  # no stack needed
        return False
    return True
