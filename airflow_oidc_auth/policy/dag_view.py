"""What one set of roles may do with DAGs: three layers, of which the last one wins.

- *Pairs*, as in FAB: every resource of the part allows the method, and the DAG as a whole allows it too (to read a part
  is to read the DAG, to change a part is to edit it).
- *Parts*: statements that allow the question by themselves on the DAGs that they select.
- *Denials*, of resources everywhere, of DAGs as a whole with all their parts, or of parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from airflow_oidc_auth.policy.dag_bits import NO_BITS, Bits
from airflow_oidc_auth.policy.dag_cells import KNOWN_CELLS, Cell, build_cell
from airflow_oidc_auth.policy.dag_selection import Snapshot
from airflow_oidc_auth.policy.lines import Lines
from airflow_oidc_auth.policy.selectors import DagFacts
from airflow_oidc_auth.policy.statements import DagCell


@dataclass(frozen=True, slots=True, eq=False)
class DagView:
    """The DAG rights of one set of roles, as if they held everywhere.

    :param roles: closed under ``extends``; empty where ``access_control`` does not count
    """

    admin: bool
    allow: Lines
    deny: Lines
    roles: tuple[str, ...]
    _cells: dict[DagCell, Cell] = field(default_factory=dict, init=False)

    def always(self, cell: DagCell) -> bool:
        """Return whether the answer is yes whichever DAG it is."""
        found = self._sort(cell)
        return found.whole and not found.closed and not found.denied

    def select(self, cell: DagCell, snapshot: Snapshot) -> Bits:
        """Return the DAGs for which the answer is yes."""
        found = self._cell(cell)
        if found.closed:
            return NO_BITS
        allowed = snapshot.bits.whole if found.whole else self._select_allowed(found, snapshot)
        return allowed & ~reduce(or_, map(snapshot.select, found.denied), NO_BITS)

    def judge(self, cell: DagCell, dag_id: str, facts: DagFacts | None, team: str | None) -> bool:
        """Return the answer for one DAG; what is not known of it allows nothing, and denies what it might."""
        return self._allows(cell, dag_id, facts, team) and not self.denies(cell, dag_id, facts, team)

    def denies(self, cell: DagCell, dag_id: str, facts: DagFacts | None, team: str | None) -> bool:
        """Return whether the question is denied, or might be for all that is known of the DAG."""
        found = self._cell(cell)
        return found.closed or found.denied_matcher.could_match(dag_id, facts, team)

    def opens_list(self, cell: DagCell) -> bool:
        """Return whether the question may be asked without naming a DAG: what it shows is asked for DAG by DAG."""
        found = self._sort(cell)
        if found.closed or self.admin:
            return not found.closed
        if found.listed:
            return True
        # Rows of the audit log that belong to no DAG are shown to whoever may ask for the list.
        return bool(found.patterns) or (bool(self.allow.parts.get(cell)) and cell[1] != "AUDIT_LOG")

    def opens_list_by_files(self, cell: DagCell, snapshot: Snapshot) -> bool:
        """Return whether the list is open because a DAG file says so."""
        found = self._cell(cell)
        return not found.closed and bool(self._by_files(found, snapshot))

    def _cell(self, cell: DagCell) -> Cell:
        # Few of them are ever asked for: the rest takes no memory, times everybody's combination of roles.
        found = self._cells.get(cell)
        if found is None:
            found = self._sort(cell)
            if cell in KNOWN_CELLS:
                self._cells[cell] = found
        return found

    def _sort(self, cell: DagCell) -> Cell:
        return build_cell(cell, self.allow, self.deny, admin=self.admin)

    def _allows(self, cell: DagCell, dag_id: str, facts: DagFacts | None, team: str | None) -> bool:
        found = self._cell(cell)
        if found.whole or found.allowed_matcher.matches(dag_id, facts, team):
            return True
        given = facts.roles if facts is not None else {}
        return any(method in given.get(role, ()) for role in self.roles for method in found.by_file)

    def _select_allowed(self, found: Cell, snapshot: Snapshot) -> Bits:
        return reduce(or_, map(snapshot.select, found.allowed), self._by_files(found, snapshot))

    def _by_files(self, found: Cell, snapshot: Snapshot) -> Bits:
        every = (snapshot.with_access_control(self.roles, method) for method in found.by_file)
        return reduce(or_, every, NO_BITS)
