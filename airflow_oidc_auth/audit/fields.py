"""The lean fields of a record: bounded, and harmless to whoever reads the log.

Names and subjects are chosen by people outside. Control and format characters are shown as escapes, or a name
could begin a new log line, colour a terminal or turn the reading direction round.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.identity.text import is_printable

Fields = dict[str, "str | int | list[str]"]

MAX_TEXT = 300
MAX_ITEMS = 20
MAX_ITEM = 120
MAX_EXTRA = 8_000

# Names that mean something to loggers, or that the sinks themselves write.
_RESERVED = frozenset({"event", "exc_info", "level", "logger", "owner", "self", "stack_info", "timestamp"})


def visible(text: str, limit: int = MAX_TEXT) -> str:
    """Return the text with unprintable characters escaped, at most ``limit`` characters long.

    Characters beyond the basic plane are escaped too: a ``log`` table in MySQL's three-byte ``utf8`` refuses them.
    """
    shown = "".join(c if ord(c) <= 0xFFFF and is_printable(c) else _escape(c) for c in text[:limit])
    return shown if len(shown) <= limit and len(text) <= limit else shown[: limit - 1] + "…"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


def record_fields(record: AuditRecord, *, max_items: int = MAX_ITEMS) -> Fields:
    """Return what both sinks show beside event and owner; empty fields are left out.

    A list that was cut is followed by ``<name>_omitted``, the number of items that are missing.
    """
    fields: Fields = {}
    for name, value in _texts(record):
        if value:
            fields[name] = visible(value)
    for name, items in _lists(record):
        if items is not None:
            fields[name] = [visible(item, MAX_ITEM) for item in items[:max_items]]
            if len(items) > max_items:
                fields[f"{name}_omitted"] = len(items) - max_items
    if record.count != 1:
        fields["count"] = record.count
    for name, fact in record.detail[:MAX_ITEMS]:
        key = f"detail_{name}" if name in _RESERVED else visible(name, 40)
        fields.setdefault(key, fact if isinstance(fact, int) else visible(fact))
    return fields


def dump_extra(record: AuditRecord) -> str:
    """Return the fields as JSON for ``log.extra``; lists shrink until it is at most 8,000 characters long."""
    for max_items in (MAX_ITEMS, 8, 3, 0):
        text = dump_fields(record_fields(record, max_items=max_items))
        if len(text) <= MAX_EXTRA:
            return text
    return dump_fields({"correlation_id": visible(record.correlation_id, 64), "reason": visible(record.reason, 64)})


def dump_fields(fields: Mapping[str, object]) -> str:
    """Return one line of JSON."""
    return json.dumps(fields, ensure_ascii=False, separators=(", ", ": "))


def _texts(record: AuditRecord) -> Iterator[tuple[str, str | None]]:
    yield "correlation_id", record.correlation_id
    yield "reason", record.reason
    yield "provider", record.provider
    yield "issuer", record.issuer
    yield "subject", record.subject
    yield "principal_id", record.principal_id
    yield "session_ref", record.session_ref
    yield "client_address", record.client_address


def _lists(record: AuditRecord) -> Iterator[tuple[str, Sequence[str] | None]]:
    yield "rules", record.rules or None
    yield "roles_before", record.roles_before
    yield "roles_after", record.roles_after
