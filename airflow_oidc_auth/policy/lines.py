"""The lines of a set of roles, sorted by what they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TypeVar

from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS, Pair
from airflow_oidc_auth.policy.globs import matches_everything
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import EVERY_DAG, DagSelector, NameSelector
from airflow_oidc_auth.policy.statement_pairs import statement_pairs
from airflow_oidc_auth.policy.statements import (
    ACTION_METHODS,
    MACROS,
    NAMED_RESOURCES,
    PARTS,
    DagCell,
    Statement,
)
from airflow_oidc_auth.policy.vocabulary import ACTIONS

DagLines = Mapping[DagCell, tuple[DagSelector, ...]]


@dataclass(frozen=True, slots=True)
class Lines:
    """What the allow statements, or the deny statements, of some roles say together.

    :param pairs: what holds for all things of a kind, and for DAGs by exact ids; ``PATCH`` wherever ``PUT`` is
    :param names: what holds for things by name or team
    :param dags: method → what holds for DAGs as a whole
    :param patterns: those of ``dags`` that are more than exact ids
    :param parts: what holds for parts of DAGs by itself
    :param custom: action as FAB calls it → globs of plugins' views
    :param all_parts: method → what holds for every part, also one that this release does not know
    """

    pairs: frozenset[Pair]
    names: Mapping[Pair, tuple[NameSelector, ...]]
    dags: Mapping[str, tuple[DagSelector, ...]]
    patterns: Mapping[str, tuple[DagSelector, ...]]
    parts: DagLines
    all_parts: Mapping[str, tuple[DagSelector, ...]]
    custom: Mapping[str, tuple[str, ...]]


def collect_allowed(names: Iterable[str], roles: Mapping[str, RoleSettings]) -> Lines:
    """Return what the roles allow; ``names`` are closed under ``extends``."""
    names = tuple(names)
    builtin = frozenset(pair for name in names for pair in BUILTIN_PAIRS.get(name, ()))
    return _sort((line for name in names if name in roles for line in roles[name].allow), builtin)


def collect_denied(names: Iterable[str], roles: Mapping[str, RoleSettings]) -> Lines:
    """Return what the roles deny; ``names`` are closed under ``extends``."""
    return _sort((line for name in names if name in roles for line in roles[name].deny), frozenset())


@lru_cache(maxsize=4096)
def lines_of_statement(statement: Statement) -> Lines:
    """Return what one statement says."""
    return _sort((statement,), frozenset())


def lines_of_builtin(role: str) -> Lines:
    """Return what a built-in role allows."""
    return _sort((), BUILTIN_PAIRS.get(role, frozenset()))


NO_LINES = Lines(frozenset(), {}, {}, {}, {}, {}, {})


def name_selector(statement: Statement) -> NameSelector:
    """Return the selector of a statement about things by name."""
    selector = statement.selector
    if isinstance(selector, NameSelector):
        return selector
    return NameSelector(names=selector if isinstance(selector, tuple) else ())


def dag_methods(statement: Statement) -> Iterator[str]:
    """Yield the methods that a statement on DAGs as a whole is about; none for one about parts."""
    if statement.parts is None:
        yield from (method for action in statement.actions for method in ACTION_METHODS.get(action, ()))


def part_cells(statement: Statement) -> frozenset[DagCell]:
    """Return the questions about parts that a statement on DAGs is about by itself."""
    cells = {cell for action in statement.actions for cell in MACROS.get(action, ())}
    methods = [method for action in statement.actions for method in ACTION_METHODS.get(action, ())]
    entities = [entity for part in statement.parts or () for entity in PARTS[part]]
    return frozenset(cells.union(product(methods, entities)))


def with_patch(pairs: Iterable[Pair]) -> frozenset[Pair]:
    """Add the partial change to each change: whoever may replace a thing may change a part of it, and nobody else."""
    given = frozenset(pairs)
    return given | {("PATCH", resource) for method, resource in given if method == "PUT"}


class _Sorter:
    def __init__(self) -> None:
        self.names: dict[Pair, list[NameSelector]] = defaultdict(list)
        self.dags: dict[str, list[DagSelector]] = defaultdict(list)
        self.patterns: dict[str, list[DagSelector]] = defaultdict(list)
        self.parts: dict[DagCell, list[DagSelector]] = defaultdict(list)
        self.all_parts: dict[str, list[DagSelector]] = defaultdict(list)
        self.custom: dict[str, list[str]] = defaultdict(list)

    def add(self, line: Statement, *, exact: bool) -> None:
        if line.selector == DagSelector():
            return
        if isinstance(line.selector, DagSelector):
            self._add_dags(line, line.selector, exact=exact)
        elif line.kind in NAMED_RESOURCES:
            for method in (method for action in line.actions for method in ACTION_METHODS[action]):
                self.names[method, NAMED_RESOURCES[line.kind]].append(name_selector(line))
        elif not exact:
            # Of all other things pairs say everything, but for patterns of plugins' views.
            for method in (method for action in line.actions for method in ACTION_METHODS[action]):
                self.custom[ACTIONS[method]] += name_selector(line).names

    def _add_dags(self, line: Statement, selector: DagSelector, *, exact: bool) -> None:
        for method in dag_methods(line):
            self.dags[method].append(selector)
            if not exact:
                self.patterns[method].append(selector)
        for cell in part_cells(line):
            self.parts[cell].append(selector)
        if "all" in (line.parts or ()):
            for method in (method for action in line.actions for method in ACTION_METHODS.get(action, ())):
                self.all_parts[method].append(selector)


def _sort(lines: Iterable[Statement], pairs: frozenset[Pair]) -> Lines:
    sorter, found = _Sorter(), set(pairs)
    for line in lines:
        said = statement_pairs(line)
        found |= said or frozenset()
        sorter.add(line, exact=said is not None)
    return Lines(
        pairs=with_patch(found),
        names=_frozen(sorter.names),
        dags=_frozen_dags(sorter.dags),
        patterns=_frozen_dags(sorter.patterns),
        parts=_frozen_dags(sorter.parts),
        all_parts=_frozen_dags(sorter.all_parts),
        custom=_frozen(sorter.custom),
    )


_K = TypeVar("_K")
_V = TypeVar("_V")


def _frozen(lists: Mapping[_K, list[_V]]) -> dict[_K, tuple[_V, ...]]:
    return {key: tuple(dict.fromkeys(values)) for key, values in lists.items()}


def _frozen_dags(lists: Mapping[_K, list[DagSelector]]) -> dict[_K, tuple[DagSelector, ...]]:
    # One that selects every DAG makes the others needless.
    return {key: _EVERY if any(map(_is_every, dags)) else tuple(dict.fromkeys(dags)) for key, dags in lists.items()}


def selects_every_dag(dags: Sequence[DagSelector]) -> bool:
    """Return whether selectors as :class:`Lines` holds them select every DAG."""
    return bool(dags) and dags[0] is EVERY_DAG


def _is_every(selector: DagSelector) -> bool:
    return matches_everything(selector.ids) and selector == DagSelector(ids=selector.ids)


_EVERY = (EVERY_DAG,)
