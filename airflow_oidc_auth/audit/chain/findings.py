"""What a verification finds, bounded: a table that was emptied must not fill the memory with a line for each row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum

MAX_FINDINGS = 1_000


class Kind(str, Enum):
    """What is wrong; stable across releases."""

    CHANGED = "row_changed"
    REMOVED = "rows_removed"
    REPEATED = "row_repeated"
    MOVED = "row_moved"
    FORGED = "checkpoint_forged"
    CHECKPOINT_REMOVED = "checkpoint_removed"
    CHECKPOINT_REPEATED = "checkpoint_repeated"
    TRUNCATED = "chain_truncated"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    :param first: number in the chain of the first row that it is about
    :param last: of the last one
    :param row_id: id in Airflow's ``log`` table, where there is a row
    :param began: time of the row or of the rows around it, microseconds; 0 where it is not known
    :param event: of the row
    :param why: further words
    """

    kind: Kind
    chain: str
    first: int
    last: int
    row_id: int | None = None
    began: int = 0
    ended: int = 0
    event: str = ""
    why: str = ""


@dataclass(slots=True)
class Findings:
    """Collects findings.

    :param counts: how many rows or statements each kind is about, also of those that are not kept
    """

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[Kind] = field(default_factory=Counter)
    _told: Counter[Kind] = field(default_factory=Counter)

    def add(self, finding: Finding) -> None:
        """Keep a finding; one that continues the last one becomes part of it."""
        self.counts[finding.kind] += max(1, finding.last - finding.first + 1)
        last = self.kept[-1] if self.kept else None
        if last is not None and finding.row_id is None and _continues(last, finding):
            self.kept[-1] = replace(last, last=finding.last, ended=max(last.ended, finding.ended))
        elif self._told[finding.kind] < MAX_FINDINGS:
            # Of each kind: a thousand rows that were moved must not take the place of one that was changed.
            self._told[finding.kind] += 1
            self.kept.append(finding)

    def covers(self, kind: Kind, chain: str, seq: int) -> bool:
        """Tell whether a row was found to be so."""
        return any(each.kind is kind and each.chain == chain and each.first <= seq <= each.last for each in self.kept)

    def __bool__(self) -> bool:
        return bool(self.counts)


def _continues(last: Finding, finding: Finding) -> bool:
    same = (last.kind, last.chain, last.why, last.row_id) == (finding.kind, finding.chain, finding.why, None)
    return same and finding.first == last.last + 1
