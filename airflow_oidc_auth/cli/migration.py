"""Whether ``airflow db migrate`` has run since this package was installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.airflow_log import airflow_transactions
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.sessions.models import metadata


def missing_tables(
    transactions: Callable[[], AbstractContextManager[Transaction]] = airflow_transactions,
) -> Iterator[Problem]:
    """Yield a warning if the metadata database lacks tables of ours; nothing if it cannot be asked from here.

    Airflow itself does not look: the server would start, and each sign-in end on an error page.
    """
    try:
        with transactions() as transaction:
            database = inspect(transaction.connection())
            missing = [each.name for each in metadata.sorted_tables if not database.has_table(each.name, each.schema)]
    except SQLAlchemyError:
        return
    if missing:
        text = f"has no {', '.join(sorted(missing))}: nobody can sign in"
        yield Problem("metadata database", text, "run `airflow db migrate` before the API server starts")
