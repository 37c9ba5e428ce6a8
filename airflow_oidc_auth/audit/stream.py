"""One line per record in the log stream, for whoever collects logs."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import structlog

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.audit.fields import dump_fields, record_fields, visible

LOGGER = "airflow_oidc_auth.audit"

_BAD_NEWS = frozenset(
    {
        AuthEvent.LOGIN_REFUSED,
        AuthEvent.LOGIN_FAILED,
        AuthEvent.TOKEN_REFUSED,
        AuthEvent.CONFIG_REJECTED,
        AuthEvent.BREAK_GLASS,
    }
)


class StructuredLogSink:
    """Write to the logger ``airflow_oidc_auth.audit``: fields through structlog where Airflow has configured it
    (``[logging] json_logs`` decides how they look), else one line of JSON. Never fails.
    """

    def write(self, record: AuditRecord) -> None:
        """Write the line."""
        level = logging.WARNING if record.event in _BAD_NEWS else logging.INFO
        event = record.event.value
        fields = {"owner": visible(record.owner), **record_fields(record)}
        _tell(level, event, fields)


def tell_checkpoint(chain: str, rows: int, digest: str) -> None:
    """Write how far a chain was signed: a log that is kept elsewhere shows later that its end was cut off."""
    fields: dict[str, str | int] = {"chain": chain, "rows": rows, "checkpoint": digest}
    _tell(logging.INFO, "auth.audit_checkpoint", fields)


def _tell(level: int, event: str, fields: Mapping[str, object]) -> None:
    if structlog.is_configured():
        structlog.get_logger(LOGGER).log(level, event, **fields)
    else:
        logging.getLogger(LOGGER).log(level, "%s", dump_fields({"event": event, **fields}))
