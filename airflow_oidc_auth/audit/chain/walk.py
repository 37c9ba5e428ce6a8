"""Follow the statements of one chain from its beginning, and say where they do not follow each other.

A statement that the next one names by its digest needs no look at its own signature: whoever could change it would
have had to sign all that follow. If a signature turns out wrong, all are looked at (:meth:`Walk.accuse`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from airflow_oidc_auth.audit.chain.findings import Finding, Findings, Kind
from airflow_oidc_auth.audit.chain.keys import TrustedKeys
from airflow_oidc_auth.audit.chain.row import HASH_BYTES, first_link, next_link
from airflow_oidc_auth.audit.chain.statement import (
    BEGIN,
    ERASED,
    PRUNED,
    ROWS,
    NoStatement,
    Statement,
    digest_of,
    read_statement,
)


class _Read(NamedTuple):
    """A statement as far as it could be read.

    :param statement: None for what is none, or is another chain's
    """

    text: str
    statement: Statement | None


class Walk:
    """The statements of one chain.

    :param next: the number of the first row that nothing said so far is about
    :param link: of the last row that something was said about; None where that is not known
    :param pruned: rows up to this number were removed on purpose
    :param pruned_at: when, microseconds; what was written later is not among them, whatever its number
    :param newest: the last statement that was believed
    :param seen: how far other chains were, as these statements say
    """

    def __init__(self, chain: str, keys: TrustedKeys, findings: Findings) -> None:
        self.chain = chain
        self.next = 1
        self.link: bytes | None = None
        self.pruned = self.pruned_at = 0
        self.newest: Statement | None = None
        self.seen: dict[str, int] = {}
        self.suspect = False
        self._keys = keys
        self._findings = findings
        self._digest = ""

    @property
    def digest(self) -> str:
        """The digest of the last statement that was believed."""
        return self._digest

    def follow(self, texts: Iterable[str]) -> Iterator[Statement]:
        """Yield the statements about rows, each once the one after it is known."""
        held: _Read | None = None
        for text in texts:
            read = self._read(text)
            if held is not None and (statement := self._take(held, read.statement)):
                yield statement
            held = read
        if held is not None and (statement := self._take(held, None)):
            yield statement

    def accuse(self, texts: Iterable[str]) -> None:
        """Say of each statement whose signature is not right that it is not."""
        for text in texts:
            read = self._read(text)
            why = "it is another chain's, or cannot be read" if read.statement is None else self._keys.complaint(text)
            if why:
                first, last = (read.statement.first, read.statement.last) if read.statement else (0, 0)
                self._tell(Kind.FORGED, first, last, read.statement, why)

    def _read(self, text: str) -> _Read:
        try:
            statement = read_statement(text)
        except NoStatement:
            return _Read(text, None)
        return _Read(text, statement if statement.chain == self.chain and statement.kind != ERASED else None)

    def _take(self, read: _Read, following: Statement | None) -> Statement | None:
        statement, digest = read.statement, digest_of(read.text)
        # The following one may be a thief's, signed for a time when the key was good: then each is looked at.
        vouched = following is not None and following.kind == ROWS and following.previous == digest
        vouched = vouched and self._keys.for_ever
        if statement is None or ((not vouched or statement.kind == PRUNED) and self._keys.complaint(read.text)):
            self.suspect = True
            return None
        if statement.kind != ROWS:
            self._begin(statement, read.text, digest)
            return None
        if not self._fits(statement):
            return None
        self.next, self.link = statement.last + 1, statement.link
        self._believe(statement, digest)
        return statement

    def _begin(self, statement: Statement, text: str, digest: str) -> None:
        if self.newest is not None:
            self._tell(Kind.CHECKPOINT_REPEATED, statement.first, statement.last, statement)
            return
        self.next = statement.last + 1
        self.link = first_link(text) if statement.kind == BEGIN else statement.link
        if statement.kind == PRUNED:
            self.pruned, self.pruned_at = max(statement.last, statement.tail), statement.at * 1_000_000
            digest = statement.previous
        self._believe(statement, digest)

    def _believe(self, statement: Statement, digest: str) -> None:
        self.newest, self._digest = statement, digest
        for chain, last in statement.seen:
            self.seen[chain] = max(last, self.seen.get(chain, 0))

    def _fits(self, statement: Statement) -> bool:
        """Tell whether what a statement says of its rows can be used."""
        if statement.first < self.next and self.newest is not None:
            self._tell(Kind.CHECKPOINT_REPEATED, statement.first, statement.last, statement)
            return False
        if self.newest is None:
            self._tell(Kind.CHECKPOINT_REMOVED, 0, statement.first - 1, statement, "the beginning of the chain is gone")
        elif statement.previous != self._digest or statement.before != self.link:
            self._tell(Kind.CHECKPOINT_REMOVED, self.next, statement.first - 1, statement)
        if links_of(statement)[-1:] not in ([], [statement.link]):
            self._tell(Kind.FORGED, statement.first, statement.last, statement, "its links do not fit its rows")
            return False
        return True

    def _tell(self, kind: Kind, first: int, last: int, statement: Statement | None, why: str = "") -> None:
        began, ended = (statement.began, statement.ended) if statement is not None else (0, 0)
        self._findings.add(Finding(kind, self.chain, first, last, began=began, ended=ended, why=why))


def links_of(statement: Statement) -> list[bytes]:
    """Return the link of each row that a statement lists."""
    links: list[bytes] = []
    link = statement.before
    for at in range(0, len(statement.leaves), HASH_BYTES):
        link = next_link(link, statement.leaves[at : at + HASH_BYTES])
        links.append(link)
    return links
