"""Which of all DAGs a selector selects, by sets: the DAGs are turned over once per generation of the index."""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import takewhile

from airflow_oidc_auth.policy.dag_index import DagIndex
from airflow_oidc_auth.policy.globs import compile_globs, is_exact, matches_everything
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector

MAX_REMEMBERED = 4 << 20
"""Bytes of selections that are kept; more are worked out again."""

Ids = frozenset[str]
NO_IDS: Ids = frozenset()


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

    def with_access_control(self, roles: Iterable[str], method: str) -> Ids:
        """Return the DAGs whose file gives the method to one of the roles."""
        return NO_IDS.union(*(self._by_role.get((role, method), NO_IDS) for role in roles))

    def in_teams(self, teams: Iterable[str]) -> Ids:
        """Return the DAGs that one of the teams owns."""
        return NO_IDS.union(*(self._by_team.get(team, NO_IDS) for team in teams))

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

    def _select_pattern(self, glob: str) -> Iterable[str]:
        # Only ids that begin and end as the pattern does are put to RE2, which takes microseconds for each.
        before = "".join(takewhile(lambda character: character not in "*?", glob))
        after = "".join(takewhile(lambda character: character not in "*?", reversed(glob)))[::-1]
        candidates = self._begin_with(before)
        if glob == f"{before}*":
            return candidates
        if after:
            candidates = [dag_id for dag_id in candidates if dag_id.endswith(after)]
        if glob == f"{before}*{after}":
            return [dag_id for dag_id in candidates if len(dag_id) >= len(before) + len(after)]
        matches = compile_globs((glob,)).match
        return [dag_id for dag_id in candidates if matches(dag_id)]

    def _begin_with(self, before: str) -> list[str]:
        ordered, length = self._ordered, len(before)
        first = bisect_left(ordered, before)
        return ordered[first : bisect_right(ordered, before, lo=first, key=lambda dag_id: dag_id[:length])]

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
    def _by_tag(self) -> Mapping[str, Ids]:
        return self._turn_over(lambda facts: facts.tags)

    @cached_property
    def _by_owner(self) -> Mapping[str, Ids]:
        return self._turn_over(lambda facts: facts.owners)

    @cached_property
    def _by_bundle(self) -> Mapping[str, Ids]:
        return self._turn_over(lambda facts: () if facts.bundle is None else (facts.bundle,))

    @cached_property
    def _by_team(self) -> Mapping[str, Ids]:
        return self._turn_over(lambda facts: () if facts.team is None else (facts.team,))

    @cached_property
    def _by_role(self) -> Mapping[tuple[str, str], Ids]:
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for dag_id, facts in self._facts.items():
            for role, methods in facts.roles.items():
                for method in methods:
                    found[role, method].add(dag_id)
        return {key: frozenset(ids) for key, ids in found.items()}

    def _turn_over(self, values: Callable[[DagFacts], Iterable[str]]) -> Mapping[str, Ids]:
        found: dict[str, set[str]] = defaultdict(set)
        for dag_id, facts in self._facts.items():
            for value in values(facts):
                found[value].add(dag_id)
        return {value: frozenset(ids) for value, ids in found.items()}


def _values(by_value: Mapping[str, Ids], globs: tuple[str, ...]) -> Ids:
    matches = compile_globs(globs).match
    return NO_IDS.union(*(ids for value, ids in by_value.items() if matches(value)))


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
