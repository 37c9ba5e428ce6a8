"""Compare the rows of one chain with what was signed about them, in one pass over rows that are nearly in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from airflow_oidc_auth.audit.chain.findings import Finding, Findings, Kind
from airflow_oidc_auth.audit.chain.keys import TrustedKeys
from airflow_oidc_auth.audit.chain.row import Place, StoredRow, decode, encode, leaf_of, next_link, to_moment
from airflow_oidc_auth.audit.chain.statement import Statement
from airflow_oidc_auth.audit.chain.walk import Walk, links_of

# Statements whose rows are awaited at a time: threads and servers write a little out of order, nobody by more.
WINDOW = 64
MAX_TAIL = 4_096

Texts = Callable[[], Iterable[str]]


class SignedLeaves(Protocol):
    """What was signed about one row, by its number; asked only where a row is not what is awaited."""

    def erased(self, seq: int) -> bytes | None:
        """Return the leaf that a row has since a person was taken from it."""
        ...

    def listed(self, seq: int) -> bytes | None:
        """Return the leaf that a checkpoint lists."""
        ...


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far one chain is.

    :param signed_at: when its last statement was made, epoch seconds; 0 for none
    :param signed: the last row that was signed for
    :param unsigned: rows that nobody has signed for yet
    :param unsigned_since: time of the first of them, microseconds
    :param closed: the process has ended, as it should
    """

    chain: str
    signed_at: int
    signed: int
    unsigned: int
    unsigned_since: int
    closed: bool


class _Block:
    """The rows of one statement, and which of them have come."""

    def __init__(self, statement: Statement, number: int) -> None:
        self.statement, self.number = statement, number
        self.links = links_of(statement)
        self.came = bytearray(len(self.links))
        self.left = len(self.links)


class _Tail:
    """A row that nobody has signed for yet."""

    __slots__ = ("event", "leaf", "moment", "place", "row_id")

    def __init__(self, row: StoredRow, place: Place) -> None:
        self.leaf, self.place = leaf_of(row), place
        self.row_id, self.event = row.id, row.event
        self.moment = 0 if row.dttm is None else to_moment(row.dttm)


class ChainCheck:
    """One chain.

    :param texts: its statements, oldest first; asked again only if one of them is wrong
    :param leaves: what was signed about single rows
    :param since: statements about rows before this time are followed, their rows are neither awaited nor believed;
        microseconds
    """

    def __init__(
        self, chain: str, texts: Texts, keys: TrustedKeys, findings: Findings, leaves: SignedLeaves, since: int = 0
    ) -> None:
        self.chain = chain
        self.rows = self.erasures = self.lost = self.leftovers = self.unchecked = self.unsealed = 0
        self.walk = Walk(chain, keys, findings)
        self._texts = texts
        self._findings = findings
        self._leaves = leaves
        self._since = since
        self._skipped = 0
        self._statements: Iterator[Statement] = self.walk.follow(texts())
        self._window: deque[_Block] = deque()
        self._last = self._blocks = 0
        self._ended = False
        self._tail: dict[int, _Tail] = {}
        self._tail_rows = 0

    def see(self, row: StoredRow, place: Place) -> None:
        """Take the next row of the chain."""
        while place.seq > self._last and self._load():
            pass
        if place.seq > max(self._last, self.walk.pruned):
            self._see_tail(row, place)
            return
        for block in reversed(self._window):
            if block.statement.first <= place.seq <= block.statement.last:
                self._compare(block, row, place)
                return
        self._see_stray(row, place)

    def finish(self) -> ChainState:
        """Say what has not come; return how far the chain is."""
        while self._load():
            pass
        while self._window:
            self._close(self._window.popleft())
        if self.walk.suspect:
            self.walk.accuse(self._texts())
        self._check_tail()
        newest = self.walk.newest
        moments = [each.moment for each in self._tail.values()]
        return ChainState(
            self.chain,
            signed_at=newest.at if newest else 0,
            signed=self.walk.next - 1,
            unsigned=self._tail_rows,
            unsigned_since=min(moments, default=0),
            closed=bool(newest and newest.closing),
        )

    def _load(self) -> bool:
        statement = next(self._statements, None)
        if statement is None:
            return False
        self._last = max(self._last, statement.last)
        if statement.unsealed and statement.unsealed[-1] >= self._since:
            self.unsealed += statement.unsealed[0]
        if statement.leaves and statement.ended < self._since:
            self._skipped = statement.last
        elif statement.leaves:
            self._blocks += 1
            self._window.append(_Block(statement, self._blocks))
            while self._window[0].number <= self._blocks - WINDOW:
                self._close(self._window.popleft())
        return True

    def _compare(self, block: _Block, row: StoredRow, place: Place) -> None:
        statement, at = block.statement, place.seq - block.statement.first
        leaf = leaf_of(row)
        self.rows += 1
        if leaf != statement.leaf(place.seq):
            if leaf != self._leaves.erased(place.seq):
                self._tell(Kind.CHANGED, row, place)
            else:
                self.erasures += 1
        elif encode(block.links[at]) != place.link:
            self._tell(Kind.CHANGED, row, place, "its link")
        elif row.dttm is None or to_moment(row.dttm) > statement.ended:
            # No server writes that; who has an old key could sign it as of a time when the key was good.
            self._tell(Kind.CHANGED, row, place, "it is later than its checkpoint")
        if block.came[at]:
            self._tell(Kind.REPEATED, row, place)
            return
        block.came[at] = 1
        block.left -= 1
        if not block.left:
            self._window.remove(block)

    def _close(self, block: _Block) -> None:
        """Say which rows of a statement have not come."""
        statement, lost = block.statement, frozenset(block.statement.numbers)
        if statement.began < self._since:
            return  # some of its rows are too old to be looked at
        for at, came in enumerate(block.came):
            seq = statement.first + at
            if came or (seq <= self.walk.pruned and statement.ended <= self.walk.pruned_at):
                continue
            if seq in lost:
                self.lost += 1
                continue
            missing = Finding(Kind.REMOVED, self.chain, seq, seq, began=statement.began, ended=statement.ended)
            self._findings.add(missing)

    def _see_stray(self, row: StoredRow, place: Place) -> None:
        """Take a row that none of the awaited statements is about."""
        if place.seq <= self.walk.pruned:
            self.leftovers += 1
        elif place.seq <= self._skipped:
            # Whoever signed for that number signed for an older row.
            self._tell(Kind.CHANGED, row, place, "its time is not that of its checkpoint")
        elif self._findings.covers(Kind.REMOVED, self.chain, place.seq):
            # One row that was moved makes all before it late: what was changed must not hide among them.
            self._tell(Kind.MOVED if self._is_as_signed(row, place) else Kind.CHANGED, row, place)
        elif self._findings.covers(Kind.CHECKPOINT_REMOVED, self.chain, place.seq) or self.walk.suspect:
            self.unchecked += 1
        else:
            self._tell(Kind.REPEATED, row, place)

    def _is_as_signed(self, row: StoredRow, place: Place) -> bool:
        leaf, listed = leaf_of(row), self._leaves.listed(place.seq)
        return listed is None or leaf in (listed, self._leaves.erased(place.seq))

    def _see_tail(self, row: StoredRow, place: Place) -> None:
        self._tail_rows += 1
        if place.seq in self._tail:
            self._tell(Kind.REPEATED, row, place, "nobody has signed for it yet")
        elif len(self._tail) < MAX_TAIL:
            self._tail[place.seq] = _Tail(row, place)

    def _check_tail(self) -> None:
        """Look at rows that nobody has signed for: their links still tell of clumsy changes, and of no others."""
        link, expected = self.walk.link, self.walk.next
        for seq in sorted(self._tail):
            each = self._tail[seq]
            follows = link is None or seq != expected or encode(next_link(link, each.leaf)) == each.place.link
            if not follows and self._leaves.erased(seq) != each.leaf:
                self._findings.add(
                    Finding(
                        Kind.CHANGED,
                        self.chain,
                        seq,
                        seq,
                        each.row_id,
                        each.moment,
                        each.moment,
                        each.event,
                        "nobody has signed for it yet",
                    )
                )
            link, expected = decode(each.place.link), seq + 1

    def _tell(self, kind: Kind, row: StoredRow, place: Place, why: str = "") -> None:
        moment = 0 if row.dttm is None else to_moment(row.dttm)
        self._findings.add(Finding(kind, self.chain, place.seq, place.seq, row.id, moment, moment, row.event, why))
