"""Does one of these selectors select this DAG? For one DAG at a time, also for one that the index does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from airflow_oidc_auth.policy.globs import Globs, compile_globs
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector

NO_ID = 250
"""Characters; no DAG has a longer id, and hundreds of patterns would take seconds to find that out."""


@dataclass(frozen=True, slots=True)
class _ByAttributes:
    selector: DagSelector
    ids: Globs
    tags: Globs
    owners: Globs
    bundles: Globs
    teams: Globs

    def could_match(self, dag_id: str, facts: DagFacts | None, team: str | None, *, unknown: bool) -> bool:
        """Return whether it selects the DAG; what is not known counts as ``unknown`` says."""
        wanted = self.selector
        if wanted.ids and not self.ids.match(dag_id):
            return False
        if wanted.teams and not (unknown if facts is None and team is None else self._is_in(team)):
            return False
        if facts is None:
            return unknown or not (wanted.tags or wanted.owners or wanted.bundles)
        return (
            (not wanted.tags or self.tags.match_any(facts.tags))
            and (not wanted.owners or self.owners.match_any(facts.owners))
            and (not wanted.bundles or (facts.bundle is not None and self.bundles.match(facts.bundle)))
        )

    def _is_in(self, team: str | None) -> bool:
        return team is not None and self.teams.match(team)


@dataclass(frozen=True, slots=True)
class DagMatcher:
    """Alternatives: a DAG is selected if one of the selectors selects it."""

    ids: Globs
    others: tuple[_ByAttributes, ...]

    def matches(self, dag_id: str, facts: DagFacts | None, team: str | None) -> bool:
        """Return whether it is certain that the DAG is selected."""
        return self._matches(dag_id, facts, team, unknown=False)

    def could_match(self, dag_id: str, facts: DagFacts | None, team: str | None) -> bool:
        """Return whether the DAG is selected, or could be for all that is known of it."""
        return self._matches(dag_id, facts, team, unknown=True)

    def _matches(self, dag_id: str, facts: DagFacts | None, team: str | None, *, unknown: bool) -> bool:
        if len(dag_id) > NO_ID:
            return unknown
        return self.ids.match(dag_id) or any(
            other.could_match(dag_id, facts, team, unknown=unknown) for other in self.others
        )


@lru_cache(maxsize=64)
def compile_matcher(selectors: tuple[DagSelector, ...]) -> DagMatcher:
    """Compile selectors; one without any key selects nothing."""
    by_id = [each for each in selectors if each == DagSelector(ids=each.ids)]
    others = [each for each in selectors if each != DagSelector(ids=each.ids)]
    ids = tuple(glob for each in by_id for glob in each.ids)
    return DagMatcher(compile_globs(ids), tuple(map(_compile, others)))


def _compile(selector: DagSelector) -> _ByAttributes:
    keys = (selector.ids, selector.tags, selector.owners, selector.bundles, selector.teams)
    return _ByAttributes(selector, *map(compile_globs, keys))
