"""API servers that write sealed audit rows into a database, and what an attacker may do to those."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from airflow.models.log import Log
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.audit.chain.findings import Finding
from airflow_oidc_auth.audit.chain.keys import SigningKey, TrustedKeys
from airflow_oidc_auth.audit.chain.row import find_place
from airflow_oidc_auth.audit.chain.verify import Verification, verify
from airflow_oidc_auth.audit.chain.writer import MAX_WAITING
from airflow_oidc_auth.cli.audit_table import DatabaseTrail
from airflow_oidc_auth.config.compiled import AuditSettings
from airflow_oidc_auth.managers.audit_trail import AuditTrail
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.audit_statements import AuditStatements
from airflow_oidc_auth.sessions.models import audit_statements
from tests.unit.audit.keys import make_pem
from tests.unit.audit.records import LOGIN

LOG: Any = Log.__table__


PEM = make_pem()
KEY = SigningKey(Secret(PEM))


class Server:
    """One API server process: its sink, its chain, and a clock that tests move."""

    def __init__(self, database: AuditDatabase, pem: str = PEM, *, most_waiting: int = MAX_WAITING) -> None:
        self._database = database
        statements = AuditStatements(transactions=database.transactions)
        self.trail = AuditTrail(statements, database.clock, most_waiting=most_waiting)
        self.settings = AuditSettings(True, Secret(pem), checkpoint_every=60)
        self.trail.accept(self.settings)
        self.trail.start()
        self.sink = AirflowLogSink(database.transactions, chain=lambda: self.trail.chain)

    @property
    def chain(self) -> str:
        assert self.trail.chain is not None
        return self.trail.chain.id

    def write(self, rows: int = 1, **more: Any) -> None:
        for number in range(rows):
            self.sink.write(replace(LOGIN, correlation_id=f"c-{number}", **more))

    def sign(self) -> None:
        """Let so much time pass that rows are due."""
        # More than a minute, also for rows that a busy machine wrote late.
        self._database.now += 600
        self.trail.look()

    def stop(self) -> None:
        self.trail.stop()


class AuditDatabase:
    """The tables, and hands on them."""

    def __init__(self, engine: Engine) -> None:

        self.engine = engine
        self.transactions = sessionmaker(engine).begin
        self.now = time.time()

    def clock(self) -> float:
        return self.now

    def verify(self, *keys: SigningKey) -> Verification:
        trusted = TrustedKeys([each.public for each in keys or (KEY,)])
        with self.transactions() as transaction:
            return verify(DatabaseTrail(transaction), trusted)

    def rows(self, chain: str = "") -> list[Any]:
        """Return the rows of a chain in its order, or all in the order of their ids."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(LOG).order_by(LOG.c.id)).all()
        placed = [(find_place(row.extra), row) for row in rows]
        if not chain:
            return list(rows)
        return [row for place, row in sorted((p.seq, r) for p, r in placed if p is not None and p.chain == chain)]

    def change(self, row: Any, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(LOG).where(LOG.c.id == row.id).values(values))

    def remove(self, *rows: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(delete(LOG).where(LOG.c.id.in_([row.id for row in rows])))

    def copy(self, row: Any, **values: Any) -> None:
        columns = {**row._asdict(), **values}
        columns.pop("id")
        with self.engine.begin() as connection:
            connection.execute(insert(LOG).values(columns))

    def statements(self, chain: str) -> list[Any]:
        mine = select(audit_statements).where(audit_statements.c.chain == chain)
        with self.engine.connect() as connection:
            return list(connection.execute(mine.order_by(audit_statements.c.id)))

    def change_statement(self, kept: Any, **values: Any) -> None:
        with self.engine.begin() as connection:
            mine = update(audit_statements).where(audit_statements.c.id == kept.id)
            connection.execute(mine.values(values))

    def copy_statement(self, kept: Any, **values: Any) -> None:
        columns = {**kept._asdict(), **values}
        columns.pop("id")
        with self.engine.begin() as connection:
            connection.execute(insert(audit_statements).values(columns))

    def remove_statements(self, *statements: Any) -> None:
        with self.engine.begin() as connection:
            gone = audit_statements.c.id.in_([each.id for each in statements])
            connection.execute(delete(audit_statements).where(gone))


def told(found: Verification) -> list[tuple[str, int, int]]:
    """Return the findings: kind, first and last number."""
    return [(each.kind.value, each.first, each.last) for each in found.findings.kept]


def the(found: Verification) -> Finding:
    """Return the only finding."""
    (finding,) = found.findings.kept
    return finding


@contextmanager
def audit_database(engine: Engine) -> Iterator[AuditDatabase]:
    for table in (LOG, audit_statements):
        table.drop(engine, checkfirst=True)
        table.create(engine)
    yield AuditDatabase(engine)
    LOG.drop(engine)
    audit_statements.drop(engine)


@contextmanager
def server_that_signed_twice(database: AuditDatabase) -> Iterator[Server]:
    """A server that wrote ten rows, signed them, wrote ten more and signed those."""
    server = Server(database)
    for _ in range(2):
        server.write(10)
        server.sign()
    yield server
    server.stop()
