"""What a sink is."""

from __future__ import annotations

from typing import Protocol

from airflow_oidc_auth.audit.event import AuditRecord


class AuditSink(Protocol):
    """Keeps records somewhere."""

    def write(self, record: AuditRecord) -> None:
        """Keep one record; may block.

        :raises SessionError: ``audit_unavailable``: it is not kept
        """
