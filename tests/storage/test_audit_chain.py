"""Whatever is done to audit rows that were signed, verification finds it and names it.

On SQLite here; ``make proof`` does it on PostgreSQL and MariaDB too (``OIDC_AUTH_PROOF=1``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.audit.chain.check import WINDOW
from airflow_oidc_auth.audit.chain.keys import SigningKey, TrustedKeys
from airflow_oidc_auth.audit.chain.row import (
    HASH_BYTES,
    StoredRow,
    add_link,
    decode,
    encode,
    find_place,
    leaf_of,
    next_link,
)
from airflow_oidc_auth.audit.chain.statement import Statement, digest_of, read_statement
from airflow_oidc_auth.audit.chain.verify import verify
from airflow_oidc_auth.cli import session_access
from airflow_oidc_auth.cli.audit_table import DatabaseTrail, one_moment
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.models import audit_statements
from tests.storage.audit_rig import KEY, AuditDatabase, Server, audit_database, the, told
from tests.unit.audit.keys import make_pem

DATABASES = ("sqlite", "postgresql", "mariadb") if os.environ.get("OIDC_AUTH_PROOF") else ("sqlite",)


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, engine_of: Callable[[str], Engine]) -> Engine:
    return engine_of(request.param)


@pytest.fixture
def audit(engine: Engine) -> Iterator[AuditDatabase]:
    with audit_database(engine) as database:
        yield database


def test_what_nobody_touched_is_as_it_was_signed(audit: AuditDatabase, server: Server) -> None:
    server.write(3, owner="Łukasz 日本 😀 '\"\\ \0", subject="trailing space ")
    found = audit.verify()
    assert not found.findings
    assert (found.rows, found.signed, found.chains[0].unsigned, found.chains[0].signed) == (23, 20, 3, 20)
    server.stop()
    found = audit.verify()
    assert not found.findings
    assert (found.signed, found.chains[0].unsigned, found.chains[0].closed) == (23, 0, True)


def test_rows_of_several_threads_and_servers_verify(audit: AuditDatabase, server: Server) -> None:
    other = Server(audit)
    if audit.engine.dialect.name == "sqlite":
        other.write(20)
    else:
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(each.write, 5) for each in (server, other) for _ in range(4)]:
                done.result()
    server.sign()
    other.stop()
    found = audit.verify()
    assert not found.findings
    assert found.rows == found.signed


FIELDS = {
    "owner": "Mallory",
    "owner_display_name": "Mallory",
    "event": "auth.logout",
    "dag_id": "some_dag",
    "task_id": "a_task",
    "run_id": "a_run",
    "map_index": 1,
    "try_number": 1,
}


def test_a_changed_field_is_found_and_its_row_named(audit: AuditDatabase, server: Server) -> None:
    row = audit.rows(server.chain)[4]
    for field, value in FIELDS.items():
        audit.change(row, **{field: value})
        found = audit.verify()
        assert told(found) == [("row_changed", 5, 5)], field
        assert the(found).row_id == row.id
        audit.change(row, **{field: getattr(row, field)})
    assert not audit.verify().findings


def test_a_time_that_was_moved_by_a_microsecond_is_found(audit: AuditDatabase, server: Server) -> None:
    row = audit.rows(server.chain)[4]
    audit.change(row, dttm=row.dttm.replace(microsecond=row.dttm.microsecond ^ 1))
    assert told(audit.verify()) == [("row_changed", 5, 5)]


TAMPERED: tuple[Callable[[str], str], ...] = (
    lambda extra: extra.replace('"ada"', '"eve"'),
    # Two readers of JSON may disagree on which of two values counts.
    lambda extra: extra.replace('"subject": "ada"', '"subject": "eve", "subject": "ada"'),
    lambda extra: extra.replace('{"', '{ "', 1),
)


def test_changed_details_are_found(audit: AuditDatabase, server: Server) -> None:
    row = audit.rows(server.chain)[4]
    for tamper in TAMPERED:
        assert tamper(row.extra) != row.extra
        audit.change(row, extra=tamper(row.extra))
        assert told(audit.verify()) == [("row_changed", 5, 5)]


def test_a_change_whose_links_were_computed_anew_is_named_all_the_same(audit: AuditDatabase, server: Server) -> None:
    """Whoever reads this page can compute hashes. What was signed is not the last link alone, but each leaf."""
    rows = audit.rows(server.chain)
    link = decode(find_place(rows[3].extra).link)
    for row in rows[4:]:
        extra = row.extra.replace('"ada"', '"eve"') if row is rows[4] else row.extra
        link = next_link(link, leaf_of(stored(row)._replace(extra=extra)))
        audit.change(row, extra=add_link(extra[: extra.rindex(', "link"')], link))
    assert told(audit.verify())[0] == ("row_changed", 5, 5)


def stored(row: object) -> StoredRow:
    return StoredRow._make(getattr(row, name) for name in StoredRow._fields)


def test_a_changed_link_is_found(audit: AuditDatabase, server: Server) -> None:
    row = audit.rows(server.chain)[4]
    audit.change(row, extra=row.extra[: row.extra.rindex(', "link"')] + f', "link": "{encode(bytes(32))}"}}')
    assert told(audit.verify()) == [("row_changed", 5, 5)]


def test_removed_rows_are_found_and_counted(audit: AuditDatabase, server: Server) -> None:
    rows = audit.rows(server.chain)
    audit.remove(*rows[3:6])
    assert told(audit.verify()) == [("rows_removed", 4, 6)]
    assert the(audit.verify()).began > 0


def test_a_removal_across_checkpoints_is_one_finding(audit: AuditDatabase, server: Server) -> None:
    audit.remove(*audit.rows(server.chain)[7:13])
    assert told(audit.verify()) == [("rows_removed", 8, 13)]


def test_the_last_rows_before_a_checkpoint_are_missed(audit: AuditDatabase, server: Server) -> None:
    audit.remove(*audit.rows(server.chain)[17:])
    assert told(audit.verify()) == [("rows_removed", 18, 20)]


def test_a_row_whose_event_is_no_longer_ours_is_missed(audit: AuditDatabase, server: Server) -> None:
    audit.change(audit.rows(server.chain)[4], event="cli_check")
    assert told(audit.verify()) == [("rows_removed", 5, 5)]


def test_what_db_clean_took_is_told(audit: AuditDatabase, server: Server) -> None:
    audit.remove(*audit.rows())
    assert told(audit.verify()) == [("rows_removed", 1, 20)]


def test_two_rows_that_changed_places_are_both_named(audit: AuditDatabase, server: Server) -> None:
    one, other = audit.rows(server.chain)[4], audit.rows(server.chain)[6]
    audit.change(one, extra=other.extra)
    audit.change(other, extra=one.extra)
    assert sorted(told(audit.verify())) == [("row_changed", 5, 5), ("row_changed", 7, 7)]


def test_a_row_that_was_moved_far_away_is_named(audit: AuditDatabase, server: Server) -> None:
    for _ in range(WINDOW + 1):
        server.write()
        server.sign()
    row = audit.rows(server.chain)[4]
    audit.copy(row)
    audit.remove(row)
    assert told(audit.verify()) == [("rows_removed", 5, 5), ("row_moved", 5, 5)]


def test_a_row_that_is_there_twice_is_named(audit: AuditDatabase, server: Server) -> None:
    audit.copy(audit.rows(server.chain)[4])
    found = audit.verify()
    assert told(found) == [("row_repeated", 5, 5)]
    assert the(found).row_id == audit.rows()[-1].id


def test_a_row_of_another_chain_does_not_pass(audit: AuditDatabase, server: Server) -> None:
    other = Server(audit)
    other.write(8)
    other.stop()
    stolen, victim = audit.rows(other.chain)[4], audit.rows(server.chain)[4]
    audit.remove(victim)
    audit.copy(stolen, extra=stolen.extra.replace(other.chain, server.chain))
    assert ("row_changed", 5, 5) in told(audit.verify())


def forge(statement: Statement, row: StoredRow) -> Statement:
    """Return a statement with the leaf of another fifth row."""
    leaves = [statement.leaf(seq) for seq in range(statement.first, statement.last + 1)]
    leaves[4] = leaf_of(row)
    link = statement.before
    for leaf in leaves:
        link = next_link(link, leaf)
    return replace(statement, leaves=b"".join(leaves), link=link)


def tamper_with_row_5(audit: AuditDatabase, server: Server) -> StoredRow:
    row = audit.rows(server.chain)[4]
    extra = row.extra.replace('"ada"', '"eve"')
    audit.change(row, extra=extra)
    return stored(row)._replace(extra=extra)


@pytest.mark.parametrize("resign", ["another key", "no key"])
def test_a_forged_checkpoint_is_named(audit: AuditDatabase, server: Server, resign: str) -> None:
    row = tamper_with_row_5(audit, server)
    other = SigningKey(Secret(make_pem()))
    _, genuine, _ = audit.statements(server.chain)
    forged = forge(read_statement(genuine.statement), row)
    header, _, signature = genuine.statement.split(".")
    text = other.sign(forged) if resign == "another key" else f"{header}.{encode(forged.payload())}.{signature}"
    audit.change_statement(genuine, statement=text)
    assert ("checkpoint_forged", 1, 10) in told(audit.verify())


def test_checkpoints_that_were_all_signed_anew_are_all_named(audit: AuditDatabase, server: Server) -> None:
    row = tamper_with_row_5(audit, server)
    other = SigningKey(Secret(make_pem()))
    _, first, second = audit.statements(server.chain)
    forged = forge(read_statement(first.statement), row)
    audit.change_statement(first, statement=other.sign(forged))
    following = read_statement(second.statement)
    follows = replace(following, previous=digest_of(other.sign(forged)), before=forged.link)
    link = forged.link
    for at in range(0, len(follows.leaves), HASH_BYTES):
        link = next_link(link, follows.leaves[at : at + HASH_BYTES])
    audit.change_statement(second, statement=other.sign(replace(follows, link=link)))
    found = told(audit.verify())
    assert ("checkpoint_forged", 1, 20) in found or {("checkpoint_forged", 1, 10), ("checkpoint_forged", 11, 20)} <= {
        *found
    }
    # It is the key that tells: whoever believes the forger finds the links only, which a forger can change as well.
    assert {kind for kind, *_ in told(audit.verify(KEY, other))} == {"row_changed"}


def test_a_replayed_checkpoint_is_named(audit: AuditDatabase, server: Server) -> None:
    _, first, _ = audit.statements(server.chain)
    audit.copy_statement(first)
    assert told(audit.verify()) == [("checkpoint_repeated", 1, 10)]


def test_an_old_checkpoint_in_place_of_a_new_one_is_named(audit: AuditDatabase, server: Server) -> None:
    _, first, second = audit.statements(server.chain)
    audit.change_statement(second, statement=first.statement)
    assert ("checkpoint_repeated", 1, 10) in told(audit.verify())


def test_a_checkpoint_that_was_cut_out_is_named(audit: AuditDatabase, server: Server) -> None:
    _, first, _ = audit.statements(server.chain)
    audit.remove_statements(first)
    assert told(audit.verify()) == [("checkpoint_removed", 1, 10)]


def test_a_beginning_that_was_cut_off_is_named(audit: AuditDatabase, server: Server) -> None:
    begin, first, _ = audit.statements(server.chain)
    audit.remove_statements(begin, first)
    audit.remove(*audit.rows(server.chain)[:10])
    assert told(audit.verify()) == [("checkpoint_removed", 0, 10)]


def test_an_end_that_was_cut_off_is_named_if_another_server_saw_it(audit: AuditDatabase, server: Server) -> None:
    other = Server(audit)
    other.write()
    other.sign()
    *_, last = audit.statements(server.chain)
    audit.remove_statements(last)
    audit.remove(*audit.rows(server.chain)[10:])
    finding = the(audit.verify())
    assert (finding.kind.value, finding.chain, finding.first, finding.last) == ("chain_truncated", server.chain, 11, 20)


def test_a_whole_chain_that_is_gone_is_named_if_another_server_saw_it(audit: AuditDatabase, server: Server) -> None:
    other = Server(audit)
    other.write()
    other.sign()
    audit.remove_statements(*audit.statements(server.chain))
    audit.remove(*audit.rows(server.chain))
    finding = the(audit.verify())
    assert (finding.kind.value, finding.chain, finding.last) == ("chain_truncated", server.chain, 20)


def test_rows_after_the_last_checkpoint_are_not_called_tampering(audit: AuditDatabase, server: Server) -> None:
    """A server that was killed leaves them; nobody can tell whether there were more."""
    server.write(5)
    audit.remove(audit.rows(server.chain)[22])
    found = audit.verify()
    assert not found.findings
    assert (found.chains[0].unsigned, found.chains[0].closed) == (4, False)


def test_a_clumsy_change_of_an_unsigned_row_shows(audit: AuditDatabase, server: Server) -> None:
    server.write(5)
    audit.change(audit.rows(server.chain)[22], owner="Mallory")
    assert told(audit.verify()) == [("row_changed", 23, 23)]


def test_a_row_in_no_chain_is_counted(audit: AuditDatabase, server: Server) -> None:
    row = audit.rows(server.chain)[4]
    audit.copy(row, extra='{"subject": "eve"}')
    found = audit.verify()
    assert (bool(found.findings), found.unchained.rows) == (False, 1)


def test_a_row_that_could_not_be_written_is_no_tampering(audit: AuditDatabase, server: Server) -> None:
    working, broken = server.sink._transactions, audit.engine.execution_options(schema_translate_map={None: "gone"})
    server.sink._transactions = sessionmaker(broken).begin
    with pytest.raises(SessionError):
        server.write()
    server.sink._transactions = working
    server.write()
    server.sign()
    found = audit.verify()
    assert (told(found), found.lost, found.signed) == ([], 1, 21)


def test_rows_wait_for_their_signature_while_the_table_is_away(audit: AuditDatabase, server: Server) -> None:
    kept = audit.statements(server.chain)
    audit_statements.drop(audit.engine)
    server.write(2)
    with pytest.raises(SessionError):
        server.sign()
    audit_statements.create(audit.engine)
    for each in kept:
        audit.copy_statement(each)
    server.write(2)
    server.sign()
    server.sign()
    found = audit.verify()
    assert (told(found), found.signed) == ([], 24)


def test_a_checkpoint_that_may_have_been_stored_is_not_stored_twice(audit: AuditDatabase, server: Server) -> None:
    statements = server.trail._statements
    texts = [each.statement for each in audit.statements(server.chain)]
    statements.add(read_statement(texts[-1]), texts[-1])
    assert [each.statement for each in audit.statements(server.chain)] == texts


def test_another_key_goes_on_with_the_chain_and_both_are_needed(audit: AuditDatabase, server: Server) -> None:
    pem = make_pem()
    newer = SigningKey(Secret(pem))
    retired = (dict(KEY.public),)
    server.trail.accept(replace(server.settings, signing_key=Secret(pem), retired_keys=retired))
    server.write(2)
    server.stop()
    assert not audit.verify(KEY, newer).findings
    assert {each["kid"] for each in server.trail.jwks()["keys"]} == {KEY.kid, newer.kid}
    assert audit.verify(KEY).findings


def test_a_chain_that_is_switched_off_ends_and_rows_go_on(audit: AuditDatabase, server: Server) -> None:
    chain = server.chain
    server.write()
    server.trail.accept(replace(server.settings, signing_key=None))
    server.write()
    server.sign()
    found = audit.verify()
    assert (told(found), found.unchained.rows, found.signed) == ([], 1, 21)
    assert next(each for each in found.chains if each.chain == chain).closed


def test_extra_stays_json_with_the_place_at_its_end(audit: AuditDatabase, server: Server) -> None:
    extra = json.loads(audit.rows(server.chain)[4].extra)
    assert (extra["subject"], extra["chain"], extra["seq"]) == ("ada", server.chain, 5)
    assert list(extra)[-4:] == ["chain", "seq", "salt", "link"]


def test_a_verification_sees_the_database_as_of_one_moment(
    audit: AuditDatabase, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers write on: a row that appeared behind the page which is read must not count as removed."""
    monkeypatch.setattr(session_access, "airflow_transactions", audit.transactions)
    with one_moment() as transaction:
        trail = DatabaseTrail(transaction)
        assert len(list(trail.rows())) == 20
        if audit.engine.dialect.name != "sqlite":
            server.write(3)
            server.sign()
        found = verify(trail, TrustedKeys([KEY.public]))
    assert (told(found), found.rows, found.signed) == ([], 20, 20)


def test_a_copy_in_place_of_a_removed_row_hides_neither(audit: AuditDatabase, server: Server) -> None:
    rows = audit.rows(server.chain)
    audit.remove(rows[6])
    audit.copy(rows[4])
    assert sorted(told(audit.verify())) == [("row_repeated", 5, 5), ("rows_removed", 7, 7)]
