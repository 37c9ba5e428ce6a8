"""What a run must have found: ratios within that run, never times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """One ratio.

    :param found: None where one side was not measured
    :param least: the ratio must not be smaller
    :param most: the ratio must not be greater
    """

    says: str
    found: float | None
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        if self.found is None:
            return True
        return (self.least is None or self.found >= self.least) and (self.most is None or self.found <= self.most)

    def __str__(self) -> str:
        wanted = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        if self.found is None:
            return f"not measured: {self.says}"
        return f"{'holds' if self.holds else 'BROKEN'}: {self.says}: {self.found:.2f} ({wanted})"


def ratio(one: float | None, other: float | None) -> float | None:
    """Return one over the other, None where that says nothing."""
    return one / other if one is not None and other else None


def judge(limits: Sequence[Limit]) -> int:
    """Print every limit; return the exit code."""
    for limit in limits:
        print(limit)
    return 0 if all(limit.holds for limit in limits) else 1
