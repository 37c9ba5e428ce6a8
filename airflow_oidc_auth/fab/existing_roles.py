"""The names of FAB's roles, for commands; the server reads them with the accounts (:mod:`.directory`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.airflow_log import airflow_transactions
from airflow_oidc_auth.fab.tables import fab_tables


def read_existing_roles(
    transactions: Callable[[], AbstractContextManager[Transaction]] = airflow_transactions,
) -> frozenset[str] | None:
    """Return every role's name, None if the database cannot be read or has no FAB tables yet.

    :param transactions: opens a transaction of the metadata database
    """
    try:
        with transactions() as transaction:
            return frozenset(transaction.execute(select(fab_tables().roles.c.name)).scalars())
    except (SQLAlchemyError, ImportError):
        return None
