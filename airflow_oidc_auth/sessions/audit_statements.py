"""The table of what was signed about audit rows (:mod:`airflow_oidc_auth.audit.chain`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.chain.statement import BEGIN, ERASED, ROWS, Statement
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.transactions import TransactionRunner, Transactions

PAGE = 16
NEAR = 4
# Of a process that begins: whatever came before these was seen by somebody then.
SEEN_AT_FIRST = 256
# Of one that runs: more than servers sign between two of its own statements.
SEEN = 4096

Heads = tuple[tuple[str, int], ...]
"""How far other chains were: each with the number of its last row."""

_A = models.audit_statements.c


class AuditStatements:
    """Thread-safe; every method blocks and raises SessionError ``session_store_unavailable``."""

    def __init__(self, *, transactions: Transactions = airflow_transactions) -> None:
        self._runner = TransactionRunner(transactions)

    def add(self, statement: Statement, text: str) -> None:
        """Store a statement, once: what a lost connection left open may be added again."""

        def work(transaction: Transaction) -> None:
            mine = and_(_A.chain == statement.chain, _A.last_seq == statement.last, _A.kind == statement.kind)
            known = transaction.execute(select(_A.statement).where(mine)).scalars()
            if text not in known.all():
                insert_statement(transaction, statement, text)

        self._runner.run(work)

    def heads(self, chain: str, newest: int) -> Heads:
        """Return which other chains were continued, and how far.

        :param newest: so many statements are looked at. Not those behind some id: a row with a huge one, written and
            removed again, would hide all that follow
        """
        return self._runner.run(lambda transaction: read_heads(transaction, chain, newest))


def read_heads(transaction: Transaction, chain: str, newest: int = SEEN_AT_FIRST) -> Heads:
    """Return what :meth:`AuditStatements.heads` does, in a transaction of the caller's."""
    signing = select(_A.chain, _A.last_seq).where(_A.kind.in_((BEGIN, ROWS))).order_by(_A.id.desc()).limit(newest)
    found: dict[str, int] = {}
    for each, last in transaction.execute(signing).all():
        if each != chain:
            found[each] = max(int(last), found.get(each, -1))
    return tuple(sorted(found.items()))


def insert_statement(transaction: Transaction, statement: Statement, text: str) -> None:
    """Store a statement; the caller commits."""
    columns = {"chain": statement.chain, "kind": statement.kind, "ended": statement.ended, "statement": text}
    numbers = {"first_seq": statement.first, "last_seq": statement.last}
    transaction.execute(insert(models.audit_statements).values(**columns, **numbers))


def read_chains(transaction: Transaction) -> Sequence[str]:
    """Return the chains that anything was signed about."""
    return transaction.execute(select(_A.chain).distinct().order_by(_A.chain)).scalars().all()


def read_statements(transaction: Transaction, chain: str) -> Iterator[str]:
    """Yield what was signed about a chain, but erasures, by the last row; a few at a time."""
    after: tuple[int, int] = (-1, 0)
    while True:
        beyond = or_(_A.last_seq > after[0], and_(_A.last_seq == after[0], _A.id > after[1]))
        query = select(_A.id, _A.last_seq, _A.statement).where(_A.chain == chain, _A.kind != ERASED, beyond)
        page = transaction.execute(query.order_by(_A.last_seq, _A.id).limit(PAGE)).all()
        for row in page:
            yield row.statement
        if len(page) < PAGE:
            return
        after = (page[-1].last_seq, page[-1].id)


def read_erasures(transaction: Transaction, chain: str) -> Sequence[tuple[int, int, int]]:
    """Return id, first and last row of what was signed about erasures of a chain, newest first."""
    about = select(_A.id, _A.first_seq, _A.last_seq).where(_A.chain == chain, _A.kind == ERASED)
    return [(row.id, row.first_seq, row.last_seq) for row in transaction.execute(about.order_by(_A.id.desc())).all()]


def read_statement_text(transaction: Transaction, statement_id: int) -> str:
    """Return one statement; empty if it is gone."""
    return transaction.execute(select(_A.statement).where(_A.id == statement_id)).scalar_one_or_none() or ""


def read_checkpoints(transaction: Transaction, chain: str, seq: int) -> Sequence[str]:
    """Return the statements about rows that end next behind a row: the first of them lists it, unless one is forged."""
    behind = select(_A.statement).where(_A.chain == chain, _A.last_seq >= seq, _A.kind == ROWS)
    return transaction.execute(behind.order_by(_A.last_seq, _A.id).limit(NEAR)).scalars().all()


def delete_covered(transaction: Transaction, chain: str, last: int) -> None:
    """Delete what was signed about rows up to a number, for another statement to stand in; the caller commits."""
    covered = delete(models.audit_statements).where(_A.chain == chain, _A.last_seq <= last)
    transaction.execute(covered)
