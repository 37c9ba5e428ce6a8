"""Say what is wrong with the database and nothing that is in it."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError, ProgrammingError


def describe_database_error(error: BaseException) -> str:
    """Return one line about a SQLAlchemy error, without its statement and parameters (tokens, e-mails)."""
    original = getattr(error, "orig", None)
    name = type(original or error).__name__
    # Only these two classes speak of the server and the schema; the others quote values.
    if not isinstance(error, (OperationalError, ProgrammingError)) or original is None:
        return name
    lines = str(original).splitlines() or [""]
    return f"{name}: {lines[0][:200]}"
