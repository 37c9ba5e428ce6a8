"""Verify every chain in one pass over the rows. Memory grows with chains and findings, not with rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from airflow_oidc_auth.audit.chain.check import ChainCheck, ChainState
from airflow_oidc_auth.audit.chain.findings import Finding, Findings, Kind
from airflow_oidc_auth.audit.chain.keys import TrustedKeys
from airflow_oidc_auth.audit.chain.row import StoredRow, find_place, to_moment
from airflow_oidc_auth.audit.chain.statement import ERASED, ROWS, NoStatement, Statement, read_statement

MAX_UNKNOWN = 1_000
_REMEMBERED = 32


class Trail(Protocol):
    """What is verified, as of one moment."""

    def chains(self) -> Sequence[str]:
        """Return the chains that anything was signed about."""

    def statements(self, chain: str) -> Iterable[str]:
        """Return the statements of a chain that are not about erasures, by the last row that they are about."""

    def erasures(self, chain: str) -> Sequence[tuple[int, int, int]]:
        """Return id, first and last row of the statements about erasures of a chain, newest first."""

    def statement(self, statement_id: int) -> str:
        """Return one statement; empty if it is gone."""

    def checkpoints(self, chain: str, seq: int) -> Iterable[str]:
        """Return the statements that may list a row, few of them."""

    def rows(self) -> Iterable[StoredRow]:
        """Return our rows in the order of their ids."""


@dataclass(slots=True)
class Loose:
    """Rows that belong to no chain that is known; times are microseconds."""

    rows: int = 0
    first_id: int = 0
    began: int = 0
    ended: int = 0

    def add(self, row: StoredRow) -> None:
        """Count a row."""
        moment = 0 if row.dttm is None else to_moment(row.dttm)
        if not self.rows:
            self.first_id, self.began = row.id, moment
        self.rows, self.ended = self.rows + 1, max(self.ended, moment)


@dataclass(slots=True)
class Verification:
    """What was found.

    :param rows: that were looked at
    :param signed: rows that are as they were signed, or erased
    :param erased: rows from which a person was taken, by a signed order
    :param lost: numbers without a row, of which the server itself said that it could not write them
    :param leftovers: rows that were pruned and are still there
    :param unchecked: rows whose statement is gone or forged
    :param unchained: rows without a place in any chain
    :param unsealed: rows of which the servers said that they wrote them without a place
    :param unknown: rows of chains about which nothing was signed
    """

    findings: Findings = field(default_factory=Findings)
    chains: list[ChainState] = field(default_factory=list)
    rows: int = 0
    signed: int = 0
    erased: int = 0
    lost: int = 0
    leftovers: int = 0
    unchecked: int = 0
    unsealed: int = 0
    unchained: Loose = field(default_factory=Loose)
    unknown: dict[str, Loose] = field(default_factory=dict)


def verify(trail: Trail, keys: TrustedKeys, *, since: int = 0) -> Verification:
    """Compare rows, statements and keys.

    :param since: look at rows from this time on, microseconds; what was signed is followed from the beginning
    """
    found = Verification()
    checks = {chain: _check(trail, keys, chain, found.findings, since) for chain in trail.chains()}
    for row in trail.rows():
        found.rows += 1
        place = find_place(row.extra)
        if place is None:
            found.unchained.add(row)
        elif (check := checks.get(place.chain)) is not None:
            check.see(row, place)
        elif place.chain in found.unknown or len(found.unknown) < MAX_UNKNOWN:
            found.unknown.setdefault(place.chain, Loose()).add(row)
    _finish(found, checks.values())
    return found


def _check(trail: Trail, keys: TrustedKeys, chain: str, findings: Findings, since: int) -> ChainCheck:
    leaves = Leaves(trail, keys, chain)
    return ChainCheck(chain, lambda: trail.statements(chain), keys, findings, leaves, since)


def _finish(found: Verification, checks: Iterable[ChainCheck]) -> None:
    witnessed: dict[str, int] = {}
    for check in checks:
        found.chains.append(check.finish())
        found.signed += check.rows
        found.erased += check.erasures
        found.lost += check.lost
        found.leftovers += check.leftovers
        found.unchecked += check.unchecked
        found.unsealed += check.unsealed
        for chain, last in check.walk.seen.items():
            witnessed[chain] = max(last, witnessed.get(chain, 0))
    reached = {each.chain: each.signed for each in found.chains}
    for chain, last in sorted(witnessed.items()):
        if reached.get(chain, -1) < last:
            why = "another chain has seen its checkpoints"
            found.findings.add(Finding(Kind.TRUNCATED, chain, reached.get(chain, -1) + 1, last, why=why))


class Leaves:
    """Finds what was signed about one row, wherever it is; the statements that were needed last are remembered."""

    def __init__(self, trail: Trail, keys: TrustedKeys, chain: str) -> None:
        self._trail = trail
        self._keys = keys
        self._chain = chain
        self._remembered: dict[int, Statement | None] = {}
        self._checkpoint: Statement | None = None
        self._erasures: Sequence[tuple[int, int, int]] | None = None

    def erased(self, seq: int) -> bytes | None:
        """Return the leaf that the row has since it was erased; None if no trusted key has signed for that."""
        if self._erasures is None:
            # Once: a query for each row that somebody changed would let them make a verification last for days.
            self._erasures = self._trail.erasures(self._chain)
        for statement_id, first, last in self._erasures:
            if not first <= seq <= last:
                continue
            statement = self._known(statement_id)
            if statement is not None and seq in statement.numbers:
                at = statement.numbers.index(seq) * 32
                return statement.leaves[at : at + 32]
        return None

    def listed(self, seq: int) -> bytes | None:
        """Return the leaf that a checkpoint lists; None if no trusted key has signed for that."""
        if not self._lists(self._checkpoint, seq):
            found = (self._read(text, ROWS) for text in self._trail.checkpoints(self._chain, seq))
            self._checkpoint = next((each for each in found if self._lists(each, seq)), None)
        return None if self._checkpoint is None else self._checkpoint.leaf(seq)

    @staticmethod
    def _lists(statement: Statement | None, seq: int) -> bool:
        return statement is not None and statement.first <= seq <= statement.last

    def _known(self, statement_id: int) -> Statement | None:
        if statement_id not in self._remembered:
            while len(self._remembered) >= _REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[statement_id] = self._read(self._trail.statement(statement_id), ERASED)
        return self._remembered[statement_id]

    def _read(self, text: str, kind: str) -> Statement | None:
        try:
            statement = read_statement(text)
        except NoStatement:
            return None
        wanted = statement.kind == kind and statement.chain == self._chain
        return statement if wanted and not self._keys.complaint(text) else None
