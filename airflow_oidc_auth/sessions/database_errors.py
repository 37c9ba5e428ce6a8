"""What the database's errors mean: try again, or tell the operator without showing any data."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, IntegrityError

from airflow_oidc_auth.audit.database_error import describe_database_error
from airflow_oidc_auth.errors import SessionError

# PostgreSQL: serialization failure, deadlock. MySQL and MariaDB: lock wait timeout, deadlock, record changed.
_RETRY_SQLSTATES = frozenset({"40001", "40P01"})
_RETRY_ERRNOS = frozenset({1205, 1213, 1020})
_HINTS = (
    # To SQLite an INSERT "has no column named".
    (
        ("no such table", "does not exist", "doesn't exist", "no such column", "unknown column", "has no column"),
        "Run `airflow db migrate`: the tables of airflow-oidc-auth are missing or old.",
    ),
    (
        ("no space left", "could not extend", "disk is full", "is full"),
        "The database has no room left: nobody can sign in until its disk has.",
    ),
    (
        ("read-only", "readonly", "read only"),
        "The database is read-only, such as a replica: nobody can sign in until it takes writes again.",
    ),
)
"""What each database calls it, in lower case; what is done about it."""


def is_conflict(error: BaseException) -> bool:
    """Tell whether two transactions met and the loser should simply run again."""
    if isinstance(error, IntegrityError):
        return True
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    original = error.orig
    state = getattr(original, "pgcode", None) or getattr(original, "sqlstate", None)
    first = original.args[0] if original.args else None
    return state in _RETRY_SQLSTATES or first in _RETRY_ERRNOS or "database is locked" in str(first)


def store_unavailable(error: BaseException) -> SessionError:
    """Return the error for the border. Statements and parameters (tokens, e-mails) stay out of it."""
    text = describe_database_error(error)
    lowered = text.lower()
    hint = next((hint for signs, hint in _HINTS if any(sign in lowered for sign in signs)), None)
    return SessionError("session_store_unavailable", text, hint=hint)
