"""The DAGs that there are, as the policy sees them; kept up to date by somebody who may ask the database."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from airflow_oidc_auth.policy.selectors import DagFacts


class DagIndex(Protocol):
    """A snapshot of all DAGs that is replaced as a whole.

    Answers are remembered per ``generation``, so it must become another number only *after* the new facts can be read:
    new facts under the old number are worked out once more, old facts under the new number would stay.
    """

    @property
    def generation(self) -> int:
        """Return a number that never comes back with other facts."""

    def facts(self, dag_id: str) -> DagFacts | None:
        """Return what is known of the DAG, None for one that the snapshot does not hold."""

    def all(self) -> Mapping[str, DagFacts]:
        """Return every DAG by id; never changed once it is handed out."""


class FixedIndex:
    """The same DAGs for ever.

    :param generation: of its own, if one index replaces another
    """

    __slots__ = ("_facts", "generation")

    def __init__(self, facts: Mapping[str, DagFacts], generation: int = 0) -> None:
        self._facts = MappingProxyType(dict(facts))
        self.generation = generation

    def facts(self, dag_id: str) -> DagFacts | None:
        """Return what is known of the DAG."""
        return self._facts.get(dag_id)

    def all(self) -> Mapping[str, DagFacts]:
        """Return every DAG by id."""
        return self._facts


EMPTY_INDEX: DagIndex = FixedIndex({})
"""Knows no DAG; every DAG is an unknown one."""
