"""Which DAGs have which tag, owner, bundle and team."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from airflow_oidc_auth.policy.dag_bits import NO_BITS, Bits, DagBits, Places
from airflow_oidc_auth.policy.globs import is_exact, select_texts
from airflow_oidc_auth.policy.selectors import DagFacts

_MANY = 32
"""What one DAG of so many has takes less memory as bits than as places, and is made before somebody waits for it."""


class Values:
    """The DAGs by what they have of one kind.

    :param parts: value → where the DAGs stand that have it, in several parts
    """

    __slots__ = ("_bits", "_many", "_parts")

    def __init__(self, bits: DagBits, parts: Mapping[str, Sequence[Places]]) -> None:
        self._bits = bits
        self._parts = parts
        many = (value for value, places in parts.items() if sum(map(len, places)) * _MANY > bits.count)
        self._many = {value: bits.at(parts[value]) for value in many}

    def matching(self, globs: tuple[str, ...]) -> Bits:
        """Return the DAGs with a value that one of the globs matches."""
        return self.of(
            chain.from_iterable([glob] if is_exact(glob) else select_texts(glob, self._parts) for glob in globs)
        )

    def of(self, values: Iterable[str]) -> Bits:
        """Return the DAGs with one of the values."""
        found, few = NO_BITS, list[Places]()
        for value in set(values):
            if value in self._many:
                found |= self._many[value]
            else:
                few += self._parts.get(value, ())
        return found | self._bits.at(few) if few else found


@dataclass(frozen=True, slots=True)
class DagValues:
    """The DAGs by everything that they have."""

    tags: Values
    owners: Values
    bundles: Values
    teams: Values


def turn_over(bits: DagBits, facts: Mapping[str, DagFacts]) -> DagValues:
    """Sort the DAGs by what they have, in one pass: each is somewhere else in memory."""
    tags, owners, bundles, teams = (_nothing(), _nothing(), _nothing(), _nothing())
    for place, dag_id in enumerate(bits.ordered):
        known = facts[dag_id]
        tags[known.tags].append(place)
        owners[known.owners].append(place)
        bundles[known.bundle].append(place)
        teams[known.team].append(place)
    each = [*map(_of_sets, (tags, owners)), *map(_of_single, (bundles, teams))]
    return DagValues(*(Values(bits, parts) for parts in each))


def _nothing() -> dict[Any, Places]:
    return defaultdict(lambda: array("I"))


def _of_sets(grouped: Mapping[frozenset[str], Places]) -> Mapping[str, Sequence[Places]]:
    # By whole sets first: thousands of DAGs share a few of them.
    found: dict[str, list[Places]] = defaultdict(list)
    for values, places in grouped.items():
        for value in values:
            found[value].append(places)
    return found


def _of_single(grouped: Mapping[str | None, Places]) -> Mapping[str, Sequence[Places]]:
    return {value: [places] for value, places in grouped.items() if value is not None}
