"""Whether ``airflow db migrate`` has run since this package was installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sqlalchemy import Inspector, Table, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.airflow_log import airflow_transactions
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.sessions.models import metadata


def missing_tables(
    transactions: Callable[[], AbstractContextManager[Transaction]] = airflow_transactions,
) -> Iterator[Problem]:
    """Yield a warning if the database lacks tables or columns of ours; nothing if it cannot be asked from here.

    Airflow itself does not look: the server would start, and each sign-in end on an error page.
    """
    try:
        with transactions() as transaction:
            database = inspect(transaction.connection())
            missing = [name for table in metadata.sorted_tables for name in _missing(database, table)]
    except SQLAlchemyError:
        return
    if missing:
        text = f"has no {', '.join(sorted(missing))}: nobody can sign in"
        yield Problem("metadata database", text, "run `airflow db migrate` before the API server starts")


def _missing(database: Inspector, table: Table) -> list[str]:
    if not database.has_table(table.name, table.schema):
        return [table.name]
    known = {column["name"] for column in database.get_columns(table.name, table.schema)}
    return [f"{table.name}.{column.name}" for column in table.columns if column.name not in known]
