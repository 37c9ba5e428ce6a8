"""Verify every chain in one pass over the rows. Memory grows with chains and findings, not with rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from airflow_oidc_auth.audit.chain.check import ChainCheck, ChainState
from airflow_oidc_auth.audit.chain.findings import Finding, Findings, Kind
from airflow_oidc_auth.audit.chain.keys import TrustedKeys
from airflow_oidc_auth.audit.chain.row import StoredRow, find_place, to_moment
from airflow_oidc_auth.audit.chain.statement import ERASED, NoStatement, Statement, read_statement

MAX_UNKNOWN = 1_000
_REMEMBERED = 32


class Trail(Protocol):
    """What is verified, as of one moment."""

    def chains(self) -> Sequence[str]:
        """Return the chains that anything was signed about."""

    def statements(self, chain: str) -> Iterable[str]:
        """Return the statements of a chain that are not about erasures, by the last row that they are about."""

    def erasures(self, chain: str, seq: int) -> Iterable[str]:
        """Return the statements about erasures of a row, newest first."""

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
    erasures = Erasures(trail, keys, chain)
    return ChainCheck(chain, lambda: trail.statements(chain), keys, findings, erasures.leaf, since)


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


class Erasures:
    """Finds the leaf of a row that was erased; the statements that were needed last are remembered."""

    def __init__(self, trail: Trail, keys: TrustedKeys, chain: str) -> None:
        self._trail = trail
        self._keys = keys
        self._chain = chain
        self._known: dict[str, Statement] = {}

    def leaf(self, seq: int) -> bytes | None:
        """Return the leaf that the row has since it was erased; None if no trusted key has signed for that."""
        for text in self._trail.erasures(self._chain, seq):
            statement = self._known.get(text) or self._read(text)
            if statement is not None and seq in statement.numbers:
                at = statement.numbers.index(seq) * 32
                return statement.leaves[at : at + 32]
        return None

    def _read(self, text: str) -> Statement | None:
        try:
            statement = read_statement(text)
        except NoStatement:
            return None
        if statement.kind != ERASED or statement.chain != self._chain or self._keys.complaint(text):
            return None
        while len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[text] = statement
        return statement
