"""An audit sink in memory."""

from __future__ import annotations

import threading

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.errors import SessionError


class MemoryAuditSink:
    """Keep every record, in order. Thread-safe.

    ``down`` is a switch: while it is true every write fails as it would without a database.
    """

    def __init__(self) -> None:
        self.down = False
        self.records: list[AuditRecord] = []
        self._lock = threading.Lock()

    def write(self, record: AuditRecord) -> None:
        """Keep a record."""
        if self.down:
            raise SessionError("audit_unavailable", "the sink was switched off")
        with self._lock:
            self.records.append(record)

    def of(self, event: AuthEvent) -> list[AuditRecord]:
        """Return the records of one event."""
        with self._lock:
            return [record for record in self.records if record.event is event]
