"""Which configuration each running server process is on.

A process writes one row every half minute, from a thread of its own, and reads the others' then: what the health page
tells costs no query. A row that was not renewed for three times as long is of a process that is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.transactions import TransactionRunner, Transactions, rows

REPORT_EVERY = 30.0
GONE_AFTER = 90
KEPT_FOR = 3600

_V = models.servers.c


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """The server processes that are on one configuration.

    :param rejecting: those of them that found a document which they cannot use
    """

    digest: str
    processes: int
    rejecting: int


class ServerReports:
    """Thread-safe; every method blocks and raises SessionError ``session_store_unavailable``."""

    def __init__(self, *, transactions: Transactions = airflow_transactions) -> None:
        self._runner = TransactionRunner(transactions)

    def report(self, server_id: str, digest: str, *, rejects: bool, now: int) -> Sequence[ServerGroup]:
        """Say what a process runs on, and return what all of them do; rows of the last hour's dead are deleted."""
        values = {"digest": digest, "rejects": int(rejects), "seen_at": now}

        def work(transaction: Transaction) -> Sequence[ServerGroup]:
            mine = update(models.servers).where(_V.id == server_id).values(values)
            if not rows(transaction.execute(mine)):
                transaction.execute(insert(models.servers).values(id=server_id, **values))
                transaction.execute(delete(models.servers).where(_V.seen_at < now - KEPT_FOR))
            return _groups(transaction, now)

        return self._runner.run(work)

    def leave(self, server_id: str) -> None:
        """Forget a process that ends."""
        gone = delete(models.servers).where(_V.id == server_id)
        self._runner.run(lambda transaction: transaction.execute(gone))


def _groups(transaction: Transaction, now: int) -> Sequence[ServerGroup]:
    counted = select(_V.digest, func.count().label("processes"), func.sum(_V.rejects).label("rejecting"))
    alive = counted.where(_V.seen_at >= now - GONE_AFTER).group_by(_V.digest).order_by(_V.digest)
    return tuple(ServerGroup(row.digest, row.processes, int(row.rejecting)) for row in transaction.execute(alive))
