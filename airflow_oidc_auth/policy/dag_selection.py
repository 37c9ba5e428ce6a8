"""Which of all DAGs a selector selects: the DAGs are turned over once per generation of the index."""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, reduce
from itertools import compress
from operator import and_, methodcaller, or_
from typing import Any

from airflow_oidc_auth.policy.dag_bits import NO_BITS, Bits, DagBits
from airflow_oidc_auth.policy.dag_index import DagIndex
from airflow_oidc_auth.policy.dag_values import DagValues, turn_over
from airflow_oidc_auth.policy.globs import is_exact, literal_prefix, matches_everything, select_texts
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector

MAX_REMEMBERED = 4 << 20
"""Bytes of selections that are kept; more are worked out again."""

Ids = frozenset[str]


class Snapshot:
    """All DAGs of one generation, by what selects them. Several threads may work out the same thing twice."""

    def __init__(self, generation: int, facts: Mapping[str, DagFacts]) -> None:
        self.generation = generation
        self._facts = facts
        self._selected: dict[tuple[str, tuple[str, ...]], Bits] = {}
        self._remembered = 0
        self._seen_to_be_every: AbstractSet[str] | None = None

    @cached_property
    def every(self) -> Ids:
        """The ids of all DAGs."""
        return frozenset(self._facts)

    @cached_property
    def bits(self) -> DagBits:
        """What the sets of this snapshot mean."""
        return DagBits(self._facts)

    def is_every(self, dag_ids: AbstractSet[str]) -> bool:
        """Return whether these are the ids of all DAGs, no more and no less."""
        if dag_ids is self._seen_to_be_every:
            return True
        if len(dag_ids) != len(self.every) or dag_ids != self.every:
            return False
        # The list of all DAGs is asked about again and again; nobody can change it in between.
        if type(dag_ids) is frozenset:
            self._seen_to_be_every = dag_ids
        return True

    def select(self, selector: DagSelector) -> Bits:
        """Return the DAGs that the selector selects; one without any key selects nothing."""
        keys = list(self._select_keys(selector))
        return reduce(and_, keys) if keys else NO_BITS

    def prepare(self) -> None:
        """Turn all DAGs over now, instead of when somebody asks."""
        _ = (self.every, self._values)

    def with_access_control(self, roles: Iterable[str], method: str) -> Bits:
        """Return the DAGs whose file gives the method to one of the roles."""
        given = [(role, method) for role in roles if (role, method) in self._by_role]
        each = (self._keep("access_control", key, lambda key: self.bits.at([self._by_role[key]])) for key in given)
        return reduce(or_, each, NO_BITS)

    def in_teams(self, teams: Iterable[str]) -> Bits:
        """Return the DAGs that one of the teams owns."""
        return self._values.teams.of(teams)

    def _select_keys(self, selector: DagSelector) -> Iterator[Bits]:
        if selector.ids:
            yield self._keep("ids", selector.ids, self._select_ids)
        if selector.tags:
            yield self._keep("tags", selector.tags, self._values.tags.matching)
        if selector.owners:
            yield self._keep("owners", selector.owners, self._values.owners.matching)
        if selector.bundles:
            yield self._keep("bundles", selector.bundles, self._values.bundles.matching)
        if selector.teams:
            yield self._keep("teams", selector.teams, self._values.teams.matching)

    def _select_ids(self, globs: tuple[str, ...]) -> Bits:
        if matches_everything(globs):
            return self.bits.whole
        patterns = (self._select_pattern(glob) for glob in globs if not is_exact(glob))
        return reduce(or_, patterns, self.bits.named(globs))

    def _select_pattern(self, glob: str) -> Bits:
        before, ordered = literal_prefix(glob), self.bits.ordered
        first = bisect_left(ordered, before)
        last = bisect_right(ordered, before, lo=first, key=lambda dag_id: dag_id[: len(before)])
        if glob == f"{before}*":
            return self.bits.between(first, last)
        candidates = ordered[first:last]
        after = glob.rpartition("*")[2]
        if glob == f"{before}*{after}" and is_exact(after):
            # All of them begin as they should: most of the time goes to look at that again.
            ending = compress(range(first, last), map(methodcaller("endswith", after), candidates))
            return self.bits.at([[place for place in ending if len(ordered[place]) >= len(glob) - 1]])
        matching = set(select_texts(glob, candidates))
        return self.bits.at([compress(range(first, last), map(matching.__contains__, candidates))])

    def _keep(self, kind: str, key: Any, work_out: Callable[[Any], Bits]) -> Bits:
        found = self._selected.get((kind, key))
        if found is None:
            found = work_out(key)
            size = sys.getsizeof(found)
            if self._remembered + size > MAX_REMEMBERED:
                self._selected, self._remembered = {}, 0
            self._selected[kind, key] = found
            self._remembered += size
        return found

    @cached_property
    def _values(self) -> DagValues:
        return turn_over(self.bits, self._facts)

    @cached_property
    def _by_role(self) -> Mapping[tuple[str, str], Sequence[int]]:
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, dag_id in enumerate(self.bits.ordered):
            for role, methods in self._facts[dag_id].roles.items():
                for method in methods:
                    found[role, method].append(place)
        return found


class Snapshots:
    """The snapshot of the index's present generation."""

    def __init__(self, index: DagIndex) -> None:
        self._index = index
        self._held: Snapshot | None = None

    def get(self) -> Snapshot:
        """Return it."""
        # The number first: what changes in between is worked out once more, and never stays.
        generation, held = self._index.generation, self._held
        if held is None or held.generation != generation:
            held = self._held = Snapshot(generation, self._index.all())
        return held
