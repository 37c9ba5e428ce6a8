"""Run short transactions, and again when two of them met."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.sessions.database_errors import is_conflict, store_unavailable
from airflow_oidc_auth.sessions.schedule import chance

T = TypeVar("T")
Transactions = Callable[[], AbstractContextManager[Transaction]]

ATTEMPTS = 5


class TransactionRunner:
    """Thread-safe; blocks.

    :param transactions: opens a transaction that commits on success
    :param jitter: between 0 and 1; keeps transactions that met from meeting again
    """

    def __init__(
        self,
        transactions: Transactions,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = chance,
    ) -> None:
        self._transactions = transactions
        self._sleep = sleep
        self._jitter = jitter

    def run(self, work: Callable[[Transaction], T], *, settled_by_duplicate: bool = False) -> T:
        """Run one transaction; again when it met another one, as often as ``ATTEMPTS``.

        :param settled_by_duplicate: a unique constraint that fails means that somebody has done it already; None then
        :raises SessionError: ``session_store_unavailable``
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._transactions() as transaction:
                    return work(transaction)
            except SQLAlchemyError as error:
                if settled_by_duplicate and isinstance(error, IntegrityError):
                    return None  # type: ignore[return-value]  # revoke_token, which returns nothing, and claim
                if attempt == ATTEMPTS or not is_conflict(error):
                    # The cause shows statements and parameters.
                    raise store_unavailable(error) from None
            self._sleep((0.005 + 0.025 * self._jitter()) * attempt)
        raise AssertionError("unreachable")


def rows(result: object) -> int:
    """Return how many rows a statement changed."""
    return int(result.rowcount)  # type: ignore[attr-defined]  # SQLAlchemy types it on the cursor's result only
