"""The closed list of auth events and the record that each sink writes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class AuthEvent(str, Enum):
    """``log.event`` values; stable across releases."""

    LOGIN = "auth.login"
    LOGIN_REFUSED = "auth.login_refused"
    LOGIN_FAILED = "auth.login_failed"
    LOGOUT = "auth.logout"
    ROLES_CHANGED = "auth.roles_changed"
    SESSION_ENDED = "auth.session_ended"
    TOKEN_ISSUED = "auth.token_issued"
    TOKEN_REFUSED = "auth.token_refused"
    CONFIG_RELOADED = "auth.config_reloaded"
    CONFIG_REJECTED = "auth.config_rejected"
    BREAK_GLASS = "auth.break_glass"
    USER_LINKED = "auth.user_linked"
    USER_UNLINKED = "auth.user_unlinked"
    USER_FORGOTTEN = "auth.user_forgotten"
    AUDIT_PRUNED = "auth.audit_pruned"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One auth event. Holds no token, secret or claim set.

    :param owner: readable name for Airflow's ``owner`` column (principal name, or ``anonymous``)
    :param reason: stable reason code (an error code, ``rules_matched``, ``user_logout``, …)
    :param rules: names of the rules that matched
    :param count: how many events this record stands for (aggregated failures)
    :param detail: further lean facts; values are strings or numbers
    """

    event: AuthEvent
    correlation_id: str
    reason: str
    owner: str = "anonymous"
    provider: str | None = None
    issuer: str | None = None
    subject: str | None = None
    principal_id: str | None = None
    session_ref: str | None = None
    rules: tuple[str, ...] = ()
    roles_before: tuple[str, ...] | None = None
    roles_after: tuple[str, ...] | None = None
    client_address: str | None = None
    count: int = 1
    detail: tuple[tuple[str, str | int], ...] = ()
