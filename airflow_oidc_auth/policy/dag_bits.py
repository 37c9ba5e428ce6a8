"""Sets of DAGs as numbers, one bit for each DAG: to unite fifty of them costs what to copy one does."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import chain, compress
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from array import array

Bits = int
"""A set of DAGs of one :class:`DagBits`; ``|``, ``&`` and ``~`` are what they are for any set."""

NO_BITS: Bits = 0

Places: TypeAlias = "array[int]"
"""Where DAGs stand in the order of their ids; four bytes each."""

_FEW = 16
"""Of so many DAGs one: to look for it is faster than to look at all."""

_FLAGS = bytes.maketrans(b"01", b"\x00\x01")


class DagBits:
    """The order of the DAGs, and what turns places into bits and bits into ids.

    :ivar ordered: the ids
    :ivar count: how many they are
    :ivar whole: all of them
    """

    __slots__ = ("count", "ordered", "whole")

    def __init__(self, ids: Iterable[str]) -> None:
        self.ordered = sorted(ids)
        self.count = len(self.ordered)
        self.whole: Bits = (1 << self.count) - 1

    def between(self, first: int, last: int) -> Bits:
        """Return the DAGs from one place up to, and without, another one."""
        return ((1 << (last - first)) - 1) << first

    def at(self, parts: Iterable[Iterable[int]]) -> Bits:
        """Return the DAGs at these places."""
        # In one array of bytes: a number is copied for each bit that is added to it.
        row = bytearray((self.count >> 3) + 1)
        for place in chain.from_iterable(parts):
            row[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(row, "little")

    def named(self, ids: Iterable[str]) -> Bits:
        """Return those of the ids that there are."""
        found = ((bisect_left(self.ordered, dag_id), dag_id) for dag_id in ids)
        return self.at([[place for place, dag_id in found if self.ordered[place : place + 1] == [dag_id]]])

    def ids(self, bits: Bits) -> frozenset[str]:
        """Return the ids of the DAGs."""
        # The last digit stands for the first DAG.
        digits = f"{bits:0{self.count}b}".encode()[::-1]
        if bits.bit_count() * _FEW < self.count:
            return frozenset(map(self.ordered.__getitem__, _places(digits)))
        return frozenset(compress(self.ordered, digits.translate(_FLAGS)))


def _places(digits: bytes) -> Iterator[int]:
    place = digits.find(b"1")
    while place >= 0:
        yield place
        place = digits.find(b"1", place + 1)
