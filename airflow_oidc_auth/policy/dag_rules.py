"""DAG decisions where rights select DAGs, denials close some, or teams own them: one look-up in a remembered set.

For each question the ids that are allowed (or, if these are the most, that are not) are worked out on first use and
kept until the index has another generation. A DAG that the index does not hold is judged by itself.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import reduce
from operator import or_

from airflow_oidc_auth.policy.dag_bits import Bits
from airflow_oidc_auth.policy.dag_cells import CELLS, KNOWN_CELLS
from airflow_oidc_auth.policy.dag_index import DagIndex
from airflow_oidc_auth.policy.dag_selection import Ids, Snapshot, Snapshots
from airflow_oidc_auth.policy.dag_view import DagView
from airflow_oidc_auth.policy.selectors import DagFacts
from airflow_oidc_auth.policy.statements import DagCell

MAX_REMEMBERED = 8 << 20
"""Bytes of answers that all combinations of roles together keep; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Table:
    """The answer to one question for every DAG of one generation.

    :param ids: DAGs that the index holds: those with the answer yes, or ``inverted`` those with no
    """

    generation: int
    ids: Ids
    inverted: bool

    def choose(self, every: Ids) -> set[str]:
        """Return a set of the caller's own of the DAGs with the answer yes.

        :param every: all DAGs of the generation
        """
        if not self.inverted:
            return set(self.ids)
        # To copy all and take away the few touches each DAG once; to look each of them up is several times that.
        found = set(every)
        found -= self.ids
        return found


class Tables:
    """Forgets the oldest tables of all combinations when there are too many."""

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._sizes: OrderedDict[tuple[DagRules, DagCell], int] = OrderedDict()
        self._total = 0

    def keep(self, rules: DagRules, cell: DagCell, table: Table) -> None:
        """Give the rules a table; takes older ones away."""
        with self._lock:
            self._total -= self._sizes.pop((rules, cell), 0)
            size = self._sizes[rules, cell] = sys.getsizeof(table.ids)
            self._total += size
            rules.tables[cell] = table
            while self._total > self._limit and len(self._sizes) > 1:
                (old, old_cell), freed = self._sizes.popitem(last=False)
                self._total -= freed
                old.tables.pop(old_cell, None)


class DagRules:
    """The DAG rights of one combination of roles.

    :param home: roles that hold everywhere
    :param teams: for each team, these and the roles that hold in it
    :param tables: what was worked out; owned by ``memory``
    """

    __slots__ = ("_always", "_by_file", "_home", "_index", "_memory", "_snapshots", "_teams", "_views", "tables")

    def __init__(
        self, home: DagView, teams: Mapping[str, DagView], index: DagIndex, snapshots: Snapshots, memory: Tables
    ) -> None:
        self.tables: dict[DagCell, Table] = {}
        self._home = home
        self._teams = teams
        self._index = index
        self._snapshots = snapshots
        self._memory = memory
        self._by_file = any(view.roles for view in (home, *teams.values()))
        self._views = tuple({id(view): view for view in (home, *teams.values())}.values())
        self._always = frozenset(cell for cell in CELLS if all(view.always(cell) for view in self._views))

    @property
    def lists(self) -> frozenset[DagCell]:
        """The questions without a DAG that are answered yes, whatever DAG files say."""
        return frozenset(cell for cell in CELLS if self._opens_list(cell))

    @property
    def always(self) -> frozenset[DagCell]:
        """The questions that are answered yes for every DAG."""
        return self._always

    def allows(self, cell: DagCell, dag_id: str, team: str | None) -> bool:
        """Return whether the answer is yes for the DAG; of ``always`` the caller knows it."""
        facts = self._index.facts(dag_id)
        if facts is None or cell not in KNOWN_CELLS or (team is not None and team != facts.team):
            return self._judge(cell, dag_id, facts, team)
        table = self.tables.get(cell)
        if table is None or table.generation != self._index.generation:
            table = self._work_out(cell, self._snapshots.get())
        return (dag_id in table.ids) is not table.inverted

    def opens_list(self, cell: DagCell) -> bool:
        """Return whether the question may be asked without naming a DAG."""
        return self._opens_list(cell) or (self._by_file and self._opens_list_by_files(cell))

    def ids(self, cell: DagCell) -> Ids:
        """Return the DAGs of the index for which the answer is yes."""
        if cell not in KNOWN_CELLS:
            return frozenset(dag_id for dag_id in self._index.all() if self.allows(cell, dag_id, None))
        snapshot = self._snapshots.get()
        table = self._table(cell, snapshot)
        return snapshot.every - table.ids if table.inverted else table.ids

    def filter(self, cell: DagCell, dag_ids: AbstractSet[str], team: str | None) -> set[str]:
        """Return those of the DAGs for which the answer is yes."""
        if cell in self._always:
            return set(dag_ids)
        if team is not None or cell not in KNOWN_CELLS:
            return {dag_id for dag_id in dag_ids if self.allows(cell, dag_id, team)}
        snapshot = self._snapshots.get()
        table = self._table(cell, snapshot)
        if snapshot.is_every(dag_ids):
            return table.choose(snapshot.every)
        found = dag_ids - table.ids if table.inverted else dag_ids & table.ids
        unknown = (found if table.inverted else dag_ids) - snapshot.every
        if unknown:
            found = found - unknown | {dag_id for dag_id in unknown if self.allows(cell, dag_id, None)}
        return found if isinstance(found, set) else set(found)

    def _opens_list(self, cell: DagCell) -> bool:
        return any(view.opens_list(cell) for view in self._listing_views(cell))

    def _opens_list_by_files(self, cell: DagCell) -> bool:
        snapshot = self._snapshots.get()
        return any(view.opens_list_by_files(cell, snapshot) for view in self._listing_views(cell))

    def _listing_views(self, cell: DagCell) -> tuple[DagView, ...]:
        # Rows of the audit log that belong to no DAG belong to no team either.
        return (self._home,) if cell[1] == "AUDIT_LOG" else self._views

    def _judge(self, cell: DagCell, dag_id: str, facts: DagFacts | None, team: str | None) -> bool:
        team = team if team is not None or facts is None else facts.team
        if facts is None and team is None:
            # Nobody knows whose it is: it may be of any team that denies it.
            denied = any(view.denies(cell, dag_id, None, None) for view in self._teams.values())
            return not denied and self._home.judge(cell, dag_id, None, None)
        return self._view(team).judge(cell, dag_id, facts, team)

    def _view(self, team: str | None) -> DagView:
        return self._teams.get(team, self._home) if team is not None else self._home

    def _table(self, cell: DagCell, snapshot: Snapshot) -> Table:
        table = self.tables.get(cell)
        if table is None or table.generation != snapshot.generation:
            table = self._work_out(cell, snapshot)
        return table

    def _work_out(self, cell: DagCell, snapshot: Snapshot) -> Table:
        bits, allowed = snapshot.bits, self._select(cell, snapshot)
        inverted = 2 * allowed.bit_count() > bits.count
        table = Table(snapshot.generation, bits.ids(bits.whole ^ allowed if inverted else allowed), inverted)
        self._memory.keep(self, cell, table)
        return table

    def _select(self, cell: DagCell, snapshot: Snapshot) -> Bits:
        found = self._home.select(cell, snapshot)
        owned = snapshot.in_teams(self._teams)
        if not owned:
            return found
        mine = (snapshot.in_teams(teams) & view.select(cell, snapshot) for view, teams in self._distinct_teams())
        return reduce(or_, mine, found & ~owned)

    def _distinct_teams(self) -> list[tuple[DagView, list[str]]]:
        # Fifty teams often have one role: what it selects is worked out once.
        found: dict[int, tuple[DagView, list[str]]] = {}
        for team, view in self._teams.items():
            found.setdefault(id(view), (view, []))[1].append(team)
        return list(found.values())
