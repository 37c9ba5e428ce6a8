"""Rows in Airflow's own ``log`` table, shown on the audit-log page of its UI."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from airflow.models.log import Log
from airflow.utils.session import create_session
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.chain.row import Content, from_moment, to_moment
from airflow_oidc_auth.audit.chain.writer import Chain
from airflow_oidc_auth.audit.database_error import describe_database_error
from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.audit.fields import dump_extra, visible
from airflow_oidc_auth.errors import SessionError

MAX_OWNER = 250


def airflow_transactions() -> AbstractContextManager[Transaction]:
    """Open a transaction of Airflow's own engine and pool, private to the calling thread."""
    return create_session(scoped=False)


class AirflowLogSink:
    """Write one row per record, in a transaction of its own; blocks.

    :param transactions: opens a transaction that commits on success
    :param chain: the chain that rows are sealed into; returns None for rows without one
    :param complete: what a listener would add to ``extra`` later, when it is sealed already
    """

    def __init__(
        self,
        transactions: Callable[[], AbstractContextManager[Transaction]] = airflow_transactions,
        *,
        chain: Callable[[], Chain | None] = lambda: None,
        complete: Callable[[str], str] = lambda extra: extra,
    ) -> None:
        self._transactions = transactions
        self._chain = chain
        self._complete = complete

    def write(self, record: AuditRecord) -> None:
        """Write the row.

        :raises SessionError: ``audit_unavailable``
        """
        owner = visible(record.owner, MAX_OWNER)
        row = Log(event=record.event.value, owner=owner, owner_display_name=owner, extra=dump_extra(record))
        chain = self._chain()
        if chain is None:
            self._insert(row)
            return
        extra = self._complete(row.extra or "{}")
        moment = to_moment(row.dttm)  # type: ignore[arg-type]  # Log's constructor sets it
        sealed = chain.seal(Content(moment, row.event, row.owner, extra))
        if sealed is None:
            self._insert(row)
            chain.leave_out(moment)
            return
        row.dttm, row.extra = from_moment(sealed.moment), sealed.extra
        written = False
        try:
            self._insert(row)
            written = True
        finally:
            chain.settle(sealed.seq, written=written)

    def _insert(self, row: Log) -> None:
        try:
            with self._transactions() as transaction:
                transaction.add(row)
        except SQLAlchemyError as error:
            # The cause shows the statement and its parameters.
            raise SessionError("audit_unavailable", describe_database_error(error)) from None
