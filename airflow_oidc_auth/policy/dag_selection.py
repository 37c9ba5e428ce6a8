"""Which of all DAGs a selector selects, by sets: the DAGs are turned over once per generation of the index."""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any

from airflow_oidc_auth.policy.dag_index import DagIndex
from airflow_oidc_auth.policy.globs import is_exact, literal_prefix, matches_everything, select_texts
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector

MAX_REMEMBERED = 4 << 20
"""Bytes of selections that are kept; more are worked out again."""

Ids = frozenset[str]
NO_IDS: Ids = frozenset()
Groups = Mapping[str, Sequence[list[str]]]
"""Value → lists of the DAGs that have it."""


class Snapshot:
    """All DAGs of one generation, by what selects them. Several threads may work out the same thing twice."""

    def __init__(self, generation: int, facts: Mapping[str, DagFacts]) -> None:
        self.generation = generation
        self._facts = facts
        self._selected: dict[DagSelector, Ids] = {}
        self._remembered = 0

    @cached_property
    def every(self) -> Ids:
        """The ids of all DAGs."""
        return frozenset(self._facts)

    def select(self, selector: DagSelector) -> Ids:
        """Return the DAGs that the selector selects."""
        found = self._selected.get(selector)
        if found is None:
            keys = list(self._select_keys(selector))
            found = keys[0].intersection(*keys[1:]) if keys else NO_IDS
            self._remember(selector, found)
        return found

    def prepare(self) -> None:
        """Turn all DAGs over now, instead of when somebody asks."""
        _ = (self.every, self._ordered, self._by_tag, self._by_owner, self._by_bundle, self._by_team)

    def with_access_control(self, roles: Iterable[str], method: str) -> Ids:
        """Return the DAGs whose file gives the method to one of the roles."""
        return NO_IDS.union(*(self._by_role.get((role, method), NO_IDS) for role in roles))

    def in_teams(self, teams: Iterable[str]) -> Ids:
        """Return the DAGs that one of the teams owns."""
        return NO_IDS.union(*chain.from_iterable(self._by_team.get(team, ()) for team in teams))

    def _select_keys(self, selector: DagSelector) -> Iterator[Ids]:
        if selector.ids:
            yield self._select_ids(selector.ids)
        if selector.tags:
            yield _values(self._by_tag, selector.tags)
        if selector.owners:
            yield _values(self._by_owner, selector.owners)
        if selector.bundles:
            yield _values(self._by_bundle, selector.bundles)
        if selector.teams:
            yield _values(self._by_team, selector.teams)

    def _select_ids(self, globs: tuple[str, ...]) -> Ids:
        if matches_everything(globs):
            return self.every
        exact = self.every.intersection(glob for glob in globs if is_exact(glob))
        return exact.union(*(self._select_pattern(glob) for glob in globs if not is_exact(glob)))

    def _select_pattern(self, glob: str) -> list[str]:
        before = literal_prefix(glob)
        ordered, length = self._ordered, len(before)
        first = bisect_left(ordered, before)
        candidates = ordered[first : bisect_right(ordered, before, lo=first, key=lambda dag_id: dag_id[:length])]
        return candidates if glob == f"{before}*" else select_texts(glob, candidates)

    def _remember(self, selector: DagSelector, found: Ids) -> None:
        size = 0 if found is self.every else sys.getsizeof(found)
        if self._remembered + size > MAX_REMEMBERED:
            self._selected, self._remembered = {}, 0
        self._selected[selector] = found
        self._remembered += size

    @cached_property
    def _ordered(self) -> list[str]:
        return sorted(self._facts)

    @cached_property
    def _by_tag(self) -> Groups:
        return _by_value(self._group(attrgetter("tags")))

    @cached_property
    def _by_owner(self) -> Groups:
        return _by_value(self._group(attrgetter("owners")))

    @cached_property
    def _by_bundle(self) -> Groups:
        return {bundle: [ids] for bundle, ids in self._group(attrgetter("bundle")).items() if bundle is not None}

    @cached_property
    def _by_team(self) -> Groups:
        return {team: [ids] for team, ids in self._group(attrgetter("team")).items() if team is not None}

    @cached_property
    def _by_role(self) -> Mapping[tuple[str, str], Ids]:
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for dag_id, facts in self._facts.items():
            for role, methods in facts.roles.items():
                for method in methods:
                    found[role, method].add(dag_id)
        return {key: frozenset(ids) for key, ids in found.items()}

    def _group(self, value_of: Callable[[DagFacts], Any]) -> dict[Any, list[str]]:
        found: dict[Any, list[str]] = defaultdict(list)
        for dag_id, value in zip(self._facts, map(value_of, self._facts.values()), strict=True):
            found[value].append(dag_id)
        return found


def _by_value(grouped: Mapping[frozenset[str], list[str]]) -> Groups:
    # By whole sets first: thousands of DAGs share a few of them.
    found: dict[str, list[list[str]]] = defaultdict(list)
    for values, ids in grouped.items():
        for value in values:
            found[value].append(ids)
    return found


def _values(by_value: Groups, globs: tuple[str, ...]) -> Ids:
    values = set(chain.from_iterable((glob,) if is_exact(glob) else select_texts(glob, by_value) for glob in globs))
    return NO_IDS.union(*chain.from_iterable(by_value[value] for value in values if value in by_value))


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
