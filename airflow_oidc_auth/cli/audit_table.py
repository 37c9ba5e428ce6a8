"""Read our rows of Airflow's ``log`` table, and what was signed about them, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.models.log import Log
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.chain.row import EVENTS, StoredRow
from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.session_access import open_transaction
from airflow_oidc_auth.sessions.audit_statements import (
    read_chains,
    read_checkpoints,
    read_erasures,
    read_statement_text,
    read_statements,
)
from airflow_oidc_auth.sessions.database_errors import store_unavailable

PAGE = 5_000

_TABLE: Any = Log.__table__
_COLUMNS = tuple(_TABLE.c[name] for name in StoredRow._fields)
_AGO = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class DatabaseTrail:
    """The trail in the metadata database (:class:`airflow_oidc_auth.audit.chain.verify.Trail`).

    :param since: leave out older rows
    """

    def __init__(self, transaction: Transaction, since: datetime | None = None) -> None:
        self._transaction = transaction
        self._since = since

    def chains(self) -> Sequence[str]:
        """Return the chains that anything was signed about."""
        return read_chains(self._transaction)

    def statements(self, chain: str) -> Iterable[str]:
        """Return the statements of a chain."""
        return read_statements(self._transaction, chain)

    def erasures(self, chain: str) -> Sequence[tuple[int, int, int]]:
        """Return id, first and last row of the statements about erasures of a chain, newest first."""
        return read_erasures(self._transaction, chain)

    def statement(self, statement_id: int) -> str:
        """Return one statement; empty if it is gone."""
        return read_statement_text(self._transaction, statement_id)

    def checkpoints(self, chain: str, seq: int) -> Iterable[str]:
        """Return the statements that may list a row, few of them."""
        return read_checkpoints(self._transaction, chain, seq)

    def rows(self) -> Iterator[StoredRow]:
        """Yield our rows in the order of their ids."""
        return read_rows(self._transaction, since=self._since)


def read_rows(
    transaction: Transaction, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[StoredRow]:
    """Yield our rows in the order of their ids; pages follow the primary key, so that no database sorts them.

    :raises CommandFailed: the time of a row cannot be read
    """
    query = select(*_COLUMNS).where(_TABLE.c.event.like(EVENTS)).order_by(_TABLE.c.id).limit(PAGE)
    if since is not None:
        query = query.where(_TABLE.c.dttm >= since)
    if until is not None:
        query = query.where(_TABLE.c.dttm < until)
    after = -(2**31)
    while True:
        try:
            page = transaction.execute(query.where(_TABLE.c.id > after)).all()
        except ValueError:
            # SQLite keeps whatever is written; no server writes that.
            told = f"Among the rows behind number {after} of the log table one has a time that is none."
            raise CommandFailed(told) from None
        yield from map(StoredRow._make, page)
        if len(page) < PAGE:
            return
        after = page[-1].id


@contextmanager
def one_moment() -> Iterator[Transaction]:
    """Open a transaction that sees the database as of one moment: rows that servers write meanwhile do not confuse it.

    :raises SessionError: ``session_store_unavailable``
    """
    try:
        with open_transaction() as transaction:
            # SQLite has one writer, and its rows appear in the order of their ids.
            if transaction.get_bind().dialect.name != "sqlite":
                transaction.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield transaction
    except SQLAlchemyError as error:
        raise store_unavailable(error) from None


def read_moment(option: str, text: str, now: datetime) -> datetime:
    """Read a moment: ``2026-11-01``, ``2026-11-01T12:30``, both UTC unless they say otherwise, or ``7d`` ago.

    :raises CommandFailed: it is none
    """
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        raise CommandFailed(f"{option} takes a date (2026-11-01), a time (2026-11-01T12:30) or an age (7d).") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
