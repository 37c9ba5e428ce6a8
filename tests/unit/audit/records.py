"""Records to write."""

from __future__ import annotations

from typing import Any

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.errors import SessionError

LOGIN = AuditRecord(
    AuthEvent.LOGIN,
    "c-1",
    "rules_matched",
    owner="Ada Lovelace",
    provider="okta",
    issuer="https://idp.example.com",
    subject="ada",
    principal_id="p" * 24,
    session_ref="s-ref",
    rules=("admins",),
    roles_before=("Viewer",),
    roles_after=("Admin",),
    client_address="192.0.2.7",
    detail=(("acr", "mfa"), ("groups", 3)),
)


def failure(address: str | None = "192.0.2.7", reason: str = "state_mismatch", **more: Any) -> AuditRecord:
    """Return a failure of a caller whom nobody knows."""
    values = {"correlation_id": "c-2", "client_address": address, "provider": "okta", **more}
    return AuditRecord(AuthEvent.LOGIN_FAILED, reason=reason, **values)


class Kept:
    """A sink that remembers, or fails while it is down."""

    def __init__(self, *, down: bool = False) -> None:
        self.records: list[AuditRecord] = []
        self.down = down

    def write(self, record: AuditRecord) -> None:
        if self.down:
            raise SessionError("audit_unavailable", "switched off")
        self.records.append(record)
