"""What somebody with the metadata database, and without the key, tried on verification itself and on those who sign."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from airflow_oidc_auth.audit.chain.check import WINDOW
from airflow_oidc_auth.audit.chain.findings import MAX_FINDINGS, Finding, Findings, Kind
from airflow_oidc_auth.audit.chain.keys import BadKey, SigningKey, TrustedKeys
from airflow_oidc_auth.audit.chain.row import encode, from_moment, to_moment
from airflow_oidc_auth.audit.chain.statement import ERASED, read_statement
from airflow_oidc_auth.audit.chain.verify import Verification, verify
from airflow_oidc_auth.cli.audit_report import VerifyReport
from airflow_oidc_auth.cli.audit_table import DatabaseTrail
from airflow_oidc_auth.config.compile_audit import read_retired
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.models import audit_statements
from tests.storage.audit_rig import KEY, AuditDatabase, Server, told
from tests.unit.audit.keys import make_pem

DAY = timedelta(days=1)


def verify_since(audit: AuditDatabase, since: datetime) -> Verification:
    with audit.transactions() as transaction:
        return verify(DatabaseTrail(transaction, since), TrustedKeys([KEY.public]), since=to_moment(since))


def test_a_row_of_today_with_an_old_place_is_found_by_whoever_looks_at_today_only(
    audit: AuditDatabase, server: Server
) -> None:
    """``verify --since`` passed over numbers whose checkpoint was older, whatever time the row told."""
    now = datetime.now(timezone.utc)
    assert not verify_since(audit, now + DAY).findings
    audit.copy(audit.rows(server.chain)[0], dttm=now + 2 * DAY, owner="Mallory")
    assert told(verify_since(audit, now + DAY)) == [("row_changed", 1, 1)]


def test_a_changed_row_is_found_whose_checkpoint_began_before_the_time_that_is_looked_at(
    audit: AuditDatabase, server: Server
) -> None:
    rows = audit.rows(server.chain)
    since = rows[4].dttm.replace(tzinfo=timezone.utc)
    assert not verify_since(audit, since).findings
    audit.change(rows[5], owner="Mallory")
    assert told(verify_since(audit, since)) == [("row_changed", 6, 6)]


def test_rows_are_signed_within_their_minute_also_after_the_clock_was_set_back(
    audit: AuditDatabase, server: Server
) -> None:
    """They waited until the clock had caught up: hours in which whoever removes the last ones leaves no trace."""
    audit.now -= DAY.total_seconds()
    server.write(2)
    server.trail.look()
    assert audit.verify().chains[0].unsigned == 0


def test_one_row_that_was_moved_hides_no_row_that_was_changed(audit: AuditDatabase) -> None:
    """A row is awaited for so many checkpoints. One from the end, at the head of the table, made all others late."""
    server = Server(audit)
    for _ in range(WINDOW + 20):
        server.write()
        server.sign()
    server.stop()
    rows = audit.rows(server.chain)
    audit.change(rows[-1], id=-1)
    audit.change(rows[2], owner="Mallory")
    changed = [each for each in audit.verify().findings.kept if each.kind is Kind.CHANGED]
    assert [(each.first, each.row_id) for each in changed] == [(3, rows[2].id)]


def test_findings_of_one_kind_take_no_place_from_those_of_another() -> None:
    findings = Findings()
    for number in range(MAX_FINDINGS + 5):
        findings.add(Finding(Kind.MOVED, "chain", number, number, row_id=number))
    findings.add(Finding(Kind.CHANGED, "chain", 1, 1, row_id=1))
    assert findings.kept[-1].kind is Kind.CHANGED
    assert len(findings.kept) == MAX_FINDINGS + 1


class Thief:
    """Somebody with the database and a key that was given up, who signs as of a time when it was good."""

    def __init__(self, audit: AuditDatabase, monkeypatch: pytest.MonkeyPatch, *, signed: float, written: float) -> None:
        import airflow.models.log as module

        today, audit.now = audit.now, signed
        moment = from_moment(int(written * 1_000_000))
        with monkeypatch.context() as patch:
            patch.setattr(module.timezone, "utcnow", lambda: moment)
            self.server = Server(audit)
            self.server.write(3, owner="Mallory")
        self.server.stop()
        audit.now = today


def verify_with_an_end(audit: AuditDatabase, end: float) -> Verification:
    keys: list[dict[str, object]] = [{**KEY.public, "exp": int(end)}]
    keys.append({**SigningKey(Secret(make_pem())).public})
    with audit.transactions() as transaction:
        return verify(DatabaseTrail(transaction), TrustedKeys(keys))


def test_who_has_a_key_that_was_given_up_signs_for_no_later_time(
    audit: AuditDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = audit.now - 3 * 86_400
    honest = Thief(audit, monkeypatch, signed=end - 86_400, written=end - 86_400)
    assert not verify_with_an_end(audit, end).findings
    for signed, written in ((audit.now, audit.now), (audit.now, end - 60), (end - 60, audit.now)):
        forged = Thief(audit, monkeypatch, signed=signed, written=written).server
        assert not audit.verify().findings, "without an end it is believed for ever"
        found = verify_with_an_end(audit, end).findings.kept
        assert {each.kind for each in found} == {Kind.FORGED}, (signed, written)
        assert {each.chain for each in found} == {forged.chain}
        audit.remove(*audit.rows(forged.chain))
        audit.remove_statements(*audit.statements(forged.chain))
    assert honest.server.chain


def test_a_statement_of_earlier_does_not_vouch_for_rows_of_later(
    audit: AuditDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times in the statement are the signer's words; the row's own time is what a reader sees."""
    end = audit.now - 3 * 86_400
    forged = Thief(audit, monkeypatch, signed=end - 60, written=audit.now).server
    _, rows = audit.statements(forged.chain)
    statement = replace(read_statement(rows.statement), began=int(end - 60) * 10**6, ended=int(end - 60) * 10**6)
    audit.change_statement(rows, statement=KEY.sign(statement))
    found = verify_with_an_end(audit, end)
    assert told(found) == [("row_changed", number, number) for number in (1, 2, 3)]
    assert {each.why for each in found.findings.kept} == {"it is later than its checkpoint"}


def test_the_public_keys_tell_since_when_one_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "retired.json"
    file.write_text(json.dumps({"keys": [{**KEY.public, "exp": 7}]}), encoding="ascii")
    assert [each["exp"] for each in read_retired(str(file))] == [7]
    for wrong in ("7", None, True, 7.5):
        file.write_text(json.dumps({"keys": [{**KEY.public, "exp": wrong}]}), encoding="ascii")
        with pytest.raises(BadKey, match="exp"):
            read_retired(str(file))


FAR = 10**9


def plant(audit: AuditDatabase) -> Any:
    """Put a statement that is none far behind the end of the table, of a kind that verification asks for by row."""
    columns = {"chain": "junk", "kind": ERASED, "first_seq": 1, "last_seq": 1, "ended": 0, "statement": "x"}
    with audit.engine.begin() as connection:
        connection.execute(audit_statements.insert().values(id=FAR, **columns))
    (found,) = audit.statements("junk")
    return found


def number_as_postgresql(audit: AuditDatabase) -> None:
    """Give what was stored since the next free numbers: a sequence does not look at what others put into the table."""
    here = audit_statements.c.id
    with audit.engine.begin() as connection:
        last = connection.execute(select(func.max(here)).where(here < FAR)).scalar_one()
        for row in connection.execute(select(here).where(here > FAR).order_by(here)).all():
            last += 1
            connection.execute(update(audit_statements).where(here == row.id).values(id=last))


def test_a_row_with_a_huge_id_does_not_hide_what_others_sign_later(audit: AuditDatabase, server: Server) -> None:
    """Servers looked at what has a greater id than what they saw last; a sequence of PostgreSQL goes on at its own."""
    planted = plant(audit)
    server.write()
    server.sign()
    number_as_postgresql(audit)
    insider = Server(audit)
    insider.write(owner="Mallory")
    insider.stop()
    number_as_postgresql(audit)
    audit.remove_statements(planted)
    server.write()
    server.sign()
    audit.remove(*audit.rows(insider.chain))
    audit.remove_statements(*audit.statements(insider.chain))
    assert told(audit.verify()) == [("chain_truncated", 0, 1)]


def test_a_huge_id_does_not_blind_a_server_that_begins(audit: AuditDatabase, server: Server) -> None:
    plant(audit)
    other = Server(audit)
    other.write()
    other.stop()
    (last,) = [read_statement(each.statement) for each in audit.statements(other.chain)][1:]
    assert last.seen == ((server.chain, 20),)


ABSURD = (
    {"first": 1e999},
    {"at": 10**30},
    {"began": 10**30, "ended": 10**30},
    {"last": -1},
    {"seen": [["x", 1e999]]},
    {"numbers": [1e999]},
)


@pytest.mark.parametrize("absurd", ABSURD, ids=repr)
def test_a_forged_statement_with_absurd_numbers_is_named_and_ends_no_verification(
    audit: AuditDatabase, server: Server, absurd: dict[str, Any]
) -> None:
    (_, first, _) = audit.statements(server.chain)
    payload = {**json.loads(read_statement(first.statement).payload()), **absurd}
    head, _, signature = first.statement.split(".")
    forged = f"{head}.{encode(json.dumps(payload).encode('ascii'))}.{signature}"
    audit.change_statement(first, statement=forged)
    report = VerifyReport(audit.verify(), datetime.now(timezone.utc))
    assert "forged" in "\n".join(report.text())
    assert not report.data()["intact"]
