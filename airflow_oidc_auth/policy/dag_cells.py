"""What decides one question about DAGs: the lines that could answer it, sorted once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, product

from airflow_oidc_auth.policy.dag_matching import DagMatcher, compile_matcher
from airflow_oidc_auth.policy.lines import Lines, selects_every_dag
from airflow_oidc_auth.policy.selectors import DagSelector
from airflow_oidc_auth.policy.single_dags import allows_entity, method_on_the_dag
from airflow_oidc_auth.policy.statements import DagCell
from airflow_oidc_auth.policy.vocabulary import DAGS, ENTITY_RESOURCES, METHODS

CELLS: tuple[DagCell, ...] = tuple(product(METHODS, (None, *ENTITY_RESOURCES)))
"""Every question about DAGs that has a meaning of its own."""

KNOWN_CELLS = frozenset(CELLS)
_OTHER_CHANGES = frozenset({"POST", "DELETE"})


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """What decides one question.

    :param whole: allowed for every DAG
    :param allowed: for the DAGs that one of them selects
    :param listed: pairs let the question be asked without naming a DAG
    :param patterns: those of ``allowed`` that let it, too
    :param by_file: methods of which a DAG file's ``access_control`` must give one
    :param closed: denied for every DAG
    :param denied: for the DAGs that one of them selects
    """

    whole: bool
    allowed: tuple[DagSelector, ...]
    listed: bool
    patterns: tuple[DagSelector, ...]
    by_file: tuple[str, ...]
    closed: bool
    denied: tuple[DagSelector, ...]

    @property
    def allowed_matcher(self) -> DagMatcher:
        """``allowed``, for one DAG at a time."""
        return compile_matcher(self.allowed)

    @property
    def denied_matcher(self) -> DagMatcher:
        """``denied``, for one DAG at a time."""
        return compile_matcher(self.denied)


def build_cell(cell: DagCell, allow: Lines, deny: Lines, *, admin: bool) -> Cell:
    """Sort the lines for one question."""
    method = cell[0]
    on_dag = method_on_the_dag(*cell)
    part = cell in KNOWN_CELLS and allows_entity(allow.pairs, *cell)
    allowed = (allow.dags.get(on_dag, ()) if part else (), allow.parts.get(cell, ()))
    of_dag = (deny.dags.get(each, ()) for each in denying_methods(method))
    denied = (*of_dag, deny.parts.get(cell, ()), deny.all_parts.get(method, ()))
    return Cell(
        whole=admin or (part and (on_dag, DAGS) in allow.pairs) or any(map(selects_every_dag, allowed)),
        allowed=tuple(chain.from_iterable(allowed)),
        listed=part and _is_listed(cell, allow),
        patterns=allow.patterns.get(on_dag, ()) if part else (),
        by_file=methods_of_file(on_dag) if part else (),
        closed=closes(cell, deny) or any(map(selects_every_dag, denied)),
        denied=tuple(chain.from_iterable(denied)),
    )


def methods_of_file(method: str) -> tuple[str, ...]:
    """Return the methods of which ``access_control`` must give one; ``PUT`` brings ``PATCH`` with it."""
    return ("PUT",) if method == "PATCH" else (method,)


def denying_methods(method: str) -> tuple[str, ...]:
    """Return the methods whose denial on a DAG denies this one on it and its parts: every change is to edit it."""
    return (method, "PUT") if method in _OTHER_CHANGES else (method,)


def closes(cell: DagCell, deny: Lines) -> bool:
    """Return whether the denial of a resource answers the question for every DAG."""
    method, entity = cell
    on_dag = ((each, DAGS) for each in denying_methods(method))
    of_part = ((method, resource) for resource in ENTITY_RESOURCES.get(entity or "", ()))
    return not deny.pairs.isdisjoint(chain(on_dag, of_part))


def _is_listed(cell: DagCell, allow: Lines) -> bool:
    method, entity = cell
    if entity is not None and method != "GET":
        # Judged by the part alone: Airflow asks again with the id of each DAG that it is about to touch.
        return True
    # A list is open to whoever may read at least one DAG; what it shows is asked for DAG by DAG.
    return (method, DAGS) in allow.pairs or (method == "GET" and bool(allow.dags.get("GET")))
