"""What a key signs about a chain: one JSON object, as a compact JWS (RFC 7515).

``begin`` opens a chain, ``rows`` lists the leaves of the rows since the statement before (a signature block of
RFC 5848), ``pruned`` stands for statements and rows that were removed on purpose, ``erased`` gives the leaves of rows
from which a person was taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from airflow_oidc_auth.audit.chain.row import HASH_BYTES, decode, encode

TYPE = "audit-statement+jws"
BEGIN, ROWS, PRUNED, ERASED = "begin", "rows", "pruned", "erased"
KINDS = (BEGIN, ROWS, PRUNED, ERASED)
VERSION = 1
MAX_TEXT = 1_000_000
# Whatever is larger no server wrote, and no date can show: a forged statement must not end a verification.
_MOST_ROWS = 10**18
_LATEST = 253_402_300_799  # the year 9999


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; which fields count depends on the kind.

    :param first: number of the first row that it is about
    :param last: of the last one
    :param at: when it was made, epoch seconds
    :param previous: digest of the statement before; in ``pruned`` of the last one that was removed
    :param before: link before the first row
    :param link: link of the last row
    :param leaves: 32 bytes for each row, in order; in ``erased`` for each of ``numbers``
    :param began: time of the earliest row, in microseconds
    :param ended: time of the latest row
    :param numbers: ``rows``: those that could not be written; ``erased``: those that were changed
    :param seen: other chains, and how far their statements went
    :param closing: the process ended, as it should
    :param by: who pruned or erased
    :param removed: how many rows were removed
    :param tail: rows up to this number were removed although nobody had signed them
    :param unsealed: rows that got no place in the chain: how many, times of the first and of the last one; or nothing
    """

    kind: str
    chain: str
    first: int
    last: int
    at: int
    previous: str = ""
    before: bytes = b""
    link: bytes = b""
    leaves: bytes = b""
    began: int = 0
    ended: int = 0
    numbers: tuple[int, ...] = ()
    seen: tuple[tuple[str, int], ...] = field(default=())
    closing: bool = False
    by: str = ""
    removed: int = 0
    tail: int = 0
    unsealed: tuple[int, ...] = ()

    def payload(self) -> bytes:
        """Return what is signed."""
        data: dict[str, object] = {"v": VERSION, "kind": self.kind, "chain": self.chain}
        data |= {"first": self.first, "last": self.last, "at": self.at}
        for name in ("before", "link", "leaves"):
            if value := getattr(self, name):
                data[name] = encode(value)
        for name in _PLAIN:
            if value := getattr(self, name):
                data[name] = value
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode("ascii")

    def signed_by(self, name: str) -> Statement:
        """Return the statement with who ordered it."""
        return replace(self, by=name)

    def numbered(self, *, removed: int = 0, tail: int = 0) -> Statement:
        """Return a ``pruned`` statement with how many rows it is about."""
        return replace(self, removed=removed, tail=tail)

    def leaf(self, seq: int) -> bytes:
        """Return the leaf of a row between ``first`` and ``last``."""
        at = (seq - self.first) * HASH_BYTES
        return self.leaves[at : at + HASH_BYTES]


_PLAIN = ("previous", "began", "ended", "numbers", "seen", "closing", "by", "removed", "tail", "unsealed")


class NoStatement(ValueError):
    """The text is no statement."""


def read_statement(text: str) -> Statement:
    """Read a statement without looking at its signature.

    :raises NoStatement: it is none
    """
    try:
        data = json.loads(decode(text.split(".")[1]))
        statement = _build(data)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NoStatement(type(error).__name__) from None
    if statement.kind == ROWS and len(statement.leaves) != (statement.last - statement.first + 1) * HASH_BYTES:
        raise NoStatement("its leaves do not fit its rows")
    if len(statement.unsealed) not in (0, 3):
        raise NoStatement("what it says of rows in no chain cannot be read")
    if statement.kind == ERASED and len(statement.leaves) != len(statement.numbers) * HASH_BYTES:
        raise NoStatement("its leaves do not fit its rows")
    return statement


def digest_of(text: str) -> str:
    """Return the digest by which the next statement names this one."""
    return encode(sha256(text.encode("utf-8", "replace")).digest())


def _build(data: Mapping[str, Any]) -> Statement:
    if data["v"] != VERSION or data["kind"] not in KINDS:
        raise ValueError("unknown")
    return Statement(
        kind=data["kind"],
        chain=str(data["chain"]),
        first=_number(data["first"]),
        last=_number(data["last"]),
        at=_number(data["at"], _LATEST),
        previous=str(data.get("previous", "")),
        numbers=tuple(map(_number, data.get("numbers", ()))),
        seen=tuple((str(chain), _number(last)) for chain, last in data.get("seen", ())),
        closing=data.get("closing") is True,
        by=str(data.get("by", "")),
        before=decode(data.get("before", "")),
        link=decode(data.get("link", "")),
        leaves=decode(data.get("leaves", "")),
        began=_moment(data.get("began", 0)),
        ended=_moment(data.get("ended", 0)),
        removed=_number(data.get("removed", 0)),
        tail=_number(data.get("tail", 0)),
        unsealed=tuple(map(_moment, data.get("unsealed", ()))),
    )


def _moment(value: Any) -> int:
    return _number(value, _LATEST * 1_000_000)


def _number(value: Any, most: int = _MOST_ROWS) -> int:
    number = int(value)
    if not 0 <= number <= most:
        raise ValueError("out of bounds")
    return number
