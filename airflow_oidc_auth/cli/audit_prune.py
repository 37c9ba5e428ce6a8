"""``airflow oidc audit prune``: delete old audit rows, and sign for it, so that nobody has to take it for tampering."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import partial

from airflow.models.log import Log
from sqlalchemy import delete
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.chain.findings import Findings
from airflow_oidc_auth.audit.chain.keys import SigningKey, TrustedKeys
from airflow_oidc_auth.audit.chain.row import find_place, to_moment
from airflow_oidc_auth.audit.chain.statement import PRUNED, Statement
from airflow_oidc_auth.audit.chain.verify import Verification, verify
from airflow_oidc_auth.audit.chain.walk import Walk
from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.cli.audit_chain import store, write_records
from airflow_oidc_auth.cli.audit_keys import read_audit_settings, read_signing_key
from airflow_oidc_auth.cli.audit_table import DatabaseTrail, one_moment, read_moment, read_rows
from airflow_oidc_auth.cli.command import CommandFailed, ExitCode, command
from airflow_oidc_auth.cli.session_access import confirm, now, open_runner, who_asks
from airflow_oidc_auth.cli.text import count, section, table
from airflow_oidc_auth.sessions.audit_statements import delete_covered
from airflow_oidc_auth.web.context import new_correlation_id

BATCH = 500
# Servers sign within the hour; what is older and unsigned will never be.
YOUNGEST = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was, or would be, removed.

    :param accepted: findings that were signed for
    """

    before: datetime
    rows: int
    chains: int
    accepted: int
    dry_run: bool

    @property
    def exit_code(self) -> ExitCode:
        """Nothing to remove is well, too."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """One short table."""
        rows = [
            ("audit rows", f"{self.rows:,}"),
            ("chains", str(self.chains)),
            ("before", f"{self.before:%Y-%m-%d %H:%M} UTC"),
        ]
        if self.accepted:
            rows.append(("accepted", f"{count(self.accepted, 'finding')} of a verification"))
        return section("Would be removed" if self.dry_run else "Removed, and signed for", table(rows))

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "rows": self.rows,
            "chains": self.chains,
            "before": self.before.isoformat(),
            "accepted": self.accepted,
            "dry_run": self.dry_run,
        }


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where a chain will begin.

    :param statement: what is signed instead of what is removed
    :param advances: checkpoints go, not only rows behind them
    """

    statement: Statement
    advances: bool

    def covers(self, seq: int) -> bool:
        """Tell whether a row goes."""
        return seq <= max(self.statement.last, self.statement.tail)


@dataclass(frozen=True, slots=True)
class _Plan:
    cuts: Mapping[str, _Cut]
    rows: int


@command
def prune_audit(args: Namespace) -> PruneReport:
    """Verify, ask, sign, remove."""
    moment = datetime.now(timezone.utc)
    before = read_moment("--before", args.before, moment)
    if before > moment - YOUNGEST:
        raise CommandFailed("--before must be two hours ago or more: younger rows may wait for their signature.")
    key = read_signing_key()
    with one_moment() as transaction:
        found = _verified(transaction, key, accept=bool(args.accept))
        plan = _plan(transaction, key, before)
    wrong = sum(found.findings.counts.values())
    planned = PruneReport(before, plan.rows, len(plan.cuts), wrong, dry_run=True)
    if args.dry_run or not (plan.rows or plan.cuts):
        return planned
    confirm("Remove these rows for good?", planned.text(), yes=args.yes, as_json=args.json)
    open_runner().run(partial(_sign, plan=plan, key=key, before=before, accepted=wrong))
    _remove(plan, before)
    return PruneReport(before, plan.rows, len(plan.cuts), wrong, dry_run=False)


def _verified(transaction: Transaction, key: SigningKey, *, accept: bool) -> Verification:
    """Refuse to remove the traces of a change, unless somebody says that they know of it."""
    keys = TrustedKeys([key.public, *read_audit_settings().retired_keys])
    found = verify(DatabaseTrail(transaction), keys)
    if found.findings and not accept:
        findings = count(len(found.findings.kept), "finding")
        raise CommandFailed(
            f"The audit trail is not what was signed ({findings}); look at `airflow oidc audit verify` first. "
            "--accept signs for what is missing or changed already. Nothing was removed."
        )
    return found


def _plan(transaction: Transaction, key: SigningKey, before: datetime) -> _Plan:
    """Cut each chain after the last checkpoint whose rows are all old."""
    keys = TrustedKeys([key.public, *read_audit_settings().retired_keys])
    trail = DatabaseTrail(transaction)
    cuts = {chain: cut for chain in trail.chains() if (cut := _cut(trail, keys, chain, before))}
    rows = _old(transaction, cuts, before)
    counted: dict[str, tuple[int, int]] = {}
    total = 0
    for _, chain, seq in rows:
        total += 1
        number, highest = counted.get(chain, (0, 0))
        counted[chain] = (number + 1, max(highest, seq))
    numbered = {chain: _number(cut, *counted.get(chain, (0, 0))) for chain, cut in cuts.items()}
    return _Plan({chain: cut for chain, cut in numbered.items() if cut.advances or cut.statement.removed}, total)


def _cut(trail: DatabaseTrail, keys: TrustedKeys, chain: str, before: datetime) -> _Cut | None:
    walk, limit = Walk(chain, keys, Findings()), to_moment(before)
    cut: _Cut | None = None
    whole = True
    for statement in walk.follow(trail.statements(chain)):
        if statement.ended >= limit:
            whole = False
            break
        cut = _Cut(_instead(statement, walk.digest), advances=True)
    if cut is None and walk.newest is not None and walk.newest.kind == PRUNED:
        cut = _Cut(_instead(walk.newest, walk.digest), advances=False)
    if whole and cut is not None:
        # Rows behind the last checkpoint, which nobody will sign for any more, go with the others.
        return replace(cut, statement=cut.statement.numbered(tail=2**62))
    return cut


def _instead(statement: Statement, digest: str) -> Statement:
    return Statement(
        PRUNED,
        statement.chain,
        0,
        statement.last,
        now(),
        previous=digest,
        link=statement.link,
        ended=statement.ended,
        closing=statement.closing,
        by=who_asks(),
    )


def _number(cut: _Cut, rows: int, highest: int) -> _Cut:
    tail = highest if highest > cut.statement.last else 0
    return replace(cut, statement=cut.statement.numbered(removed=rows, tail=tail))


def _old(transaction: Transaction, cuts: Mapping[str, _Cut], before: datetime) -> Iterator[tuple[int, str, int]]:
    """Yield id, chain and number of each row that goes; rows in no chain, or of one that never signed, are in none."""
    known = set(DatabaseTrail(transaction).chains())
    for row in read_rows(transaction, until=before):
        place = find_place(row.extra)
        if place is None or place.chain not in known:
            yield row.id, "", 0
        elif (cut := cuts.get(place.chain)) is not None and cut.covers(place.seq):
            yield row.id, place.chain, place.seq


def _sign(transaction: Transaction, *, plan: _Plan, key: SigningKey, before: datetime, accepted: int) -> None:
    """Store what is signed instead, before the first row goes: a crash leaves rows too many, and no alarm."""
    for chain, cut in plan.cuts.items():
        delete_covered(transaction, chain, cut.statement.last)
        store(transaction, key, cut.statement)
    detail = (("before", before.isoformat()), ("rows", plan.rows), ("chains", len(plan.cuts)), ("accepted", accepted))
    record = AuditRecord(AuthEvent.AUDIT_PRUNED, new_correlation_id(), "retention", owner=who_asks(), detail=detail)
    write_records(transaction, [record])


def _remove(plan: _Plan, before: datetime) -> None:
    with one_moment() as transaction:
        batch: list[int] = []
        for row_id, _, _ in _old(transaction, plan.cuts, before):
            batch.append(row_id)
            if len(batch) == BATCH:
                _delete(batch)
                batch = []
        _delete(batch)


def _delete(batch: Sequence[int]) -> None:
    if batch:
        gone = delete(Log).where(Log.id.in_(list(batch)))
        open_runner().run(lambda transaction: transaction.execute(gone))
