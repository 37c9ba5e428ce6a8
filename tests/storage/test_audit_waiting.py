"""While nothing can be signed, few rows wait in memory, every row is written, and verification says what came of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.audit.chain.row import encode
from airflow_oidc_auth.audit.chain.statement import read_statement
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.managers.audit_trail import MAX_LEAVING
from airflow_oidc_auth.sessions.models import audit_statements
from tests.storage.audit_rig import AuditDatabase, Server, told

MOST = 10
AWAY = ("missing", "unwritable")


@pytest.fixture
def server(audit: AuditDatabase) -> Iterator[Server]:
    server = Server(audit, most_waiting=MOST)
    yield server
    server.stop()


class Away:
    """The table of statements is missing, or nobody may write to it."""

    def __init__(self, audit: AuditDatabase, how: str) -> None:
        self._audit, self._how = audit, how

    def __enter__(self) -> None:
        with self._audit.engine.begin() as connection:
            if self._how == "missing":
                audit_statements.drop(connection)
            else:
                connection.exec_driver_sql(
                    "CREATE TRIGGER refused BEFORE INSERT ON oidc_auth_audit_statement "
                    "BEGIN SELECT raise(ABORT, 'attempt to write a readonly database'); END"
                )

    def __exit__(self, *_: object) -> None:
        with self._audit.engine.begin() as connection:
            if self._how == "missing":
                audit_statements.create(connection)
            else:
                connection.exec_driver_sql("DROP TRIGGER refused")


def sign_in_vain(server: Server) -> None:
    with pytest.raises(SessionError) as refused:
        server.sign()
    assert refused.value.code == "session_store_unavailable"


@pytest.mark.parametrize("how", AWAY)
def test_few_rows_wait_every_row_is_written_and_the_server_says_which_are_unsealed(
    audit: AuditDatabase, server: Server, how: str
) -> None:
    with Away(audit, how):
        for _ in range(5):
            server.write(6)
            sign_in_vain(server)
        assert server.trail.chain is not None
        assert server.trail.chain.unsigned()[0] == MOST
        assert len(audit.rows()) == 30
    server.sign()
    found = audit.verify()
    assert (told(found), found.signed, found.unchained.rows, found.unsealed) == ([], MOST, 20, 20)
    server.write(3)
    server.stop()
    found = audit.verify()
    assert (told(found), found.signed, found.unchained.rows, found.unsealed) == ([], MOST + 3, 20, 20), "told once"
    assert found.chains[0].closed


def test_an_unsealed_row_that_was_removed_shows_in_what_the_checkpoint_says(
    audit: AuditDatabase, server: Server
) -> None:
    with Away(audit, "missing"):
        server.write(MOST + 5)
    server.stop()
    audit.remove(audit.rows()[-1])
    found = audit.verify()
    assert (found.unsealed, found.unchained.rows) == (5, 4)


def test_what_is_said_of_unsealed_rows_is_signed(audit: AuditDatabase, server: Server) -> None:
    with Away(audit, "missing"):
        server.write(MOST + 5)
    server.sign()
    *_, kept = audit.statements(server.chain)
    statement = read_statement(kept.statement)
    forged = replace(statement, unsealed=())
    head, _, signature = kept.statement.split(".")
    audit.change_statement(kept, statement=f"{head}.{encode(forged.payload())}.{signature}")
    assert [kind for kind, *_ in told(audit.verify())] == ["checkpoint_forged"]


def test_a_prune_takes_the_word_no_sooner_than_the_rows(audit: AuditDatabase, server: Server) -> None:
    """It removes statements by the time of their last row: one of unsealed rows is as late as those."""
    with Away(audit, "missing"):
        server.write(MOST + 5)
    server.sign()
    kept = [read_statement(each.statement) for each in audit.statements(server.chain)]
    (word,) = [each for each in kept if each.unsealed]
    assert word.ended == max(each.ended for each in kept) == word.unsealed[2] > word.unsealed[1] >= word.began


def test_a_row_that_could_be_written_nowhere_is_not_said_to_be_there(audit: AuditDatabase, server: Server) -> None:
    nowhere = audit.engine.execution_options(schema_translate_map={None: "gone"})
    with Away(audit, "missing"):
        server.write(MOST)
        working, server.sink._transactions = server.sink._transactions, sessionmaker(nowhere).begin
        with pytest.raises(SessionError) as lost:
            server.write()
        assert lost.value.code == "audit_unavailable", "whoever signs in is told, and the log has the whole record"
        server.sink._transactions = working
        server.write()
    server.sign()
    assert audit.verify().unsealed == 1


def test_the_log_says_so_once_a_minute(audit: AuditDatabase, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def lines() -> int:
        return sum("outside the chain" in record.getMessage() for record in caplog.records)

    with Away(audit, "missing"):
        server.write(MOST)
        for _ in range(12):
            server.write(10)
            audit.now += 4
            with pytest.raises(SessionError):
                server.trail.look()
        assert lines() == 1
        sign_in_vain(server)
        assert lines() == 2
    server.sign()
    server.sign()
    assert lines() <= 3
    assert not any("Ada" in record.getMessage() for record in caplog.records)


def test_keys_that_come_and_go_meanwhile_leave_few_chains_in_memory(audit: AuditDatabase, server: Server) -> None:
    with Away(audit, "missing"):
        for _ in range(10):
            server.trail.accept(server.settings)
            server.write(MOST)
            server.trail.accept(replace(server.settings, signing_key=None))
        assert len(server.trail._leaving) == MAX_LEAVING
    server.sign()
    found = audit.verify()
    assert (found.rows, sum(each.rows for each in found.unknown.values())) == (100, 100 - MOST * MAX_LEAVING)
