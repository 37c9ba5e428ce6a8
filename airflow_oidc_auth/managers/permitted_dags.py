"""The ids of permitted DAGs, in a form that costs a statement next to nothing.

Core writes each id of a permitted set into its statements as one parameter: with ten thousand DAGs that is nearly the
whole second that ``GET /api/v2/dags`` takes. A set that also offers SQLAlchemy a clause reaches the statement as a
subquery instead, whatever route of core's uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from functools import cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Select

FEW = 50
"""Up to so many ids, parameters are as fast as a subquery: the database knows how many there are."""


def permit_every(ids: AbstractSet[str]) -> set[str]:
    """Return a set of the caller's own of all DAGs, for who may do something with every one.

    :param ids: of every DAG that there is
    """
    return EveryDag(ids) if len(ids) > FEW else set(ids)


def permit_some(ids: set[str], dialect: str | None) -> set[str]:
    """Return a set of the caller's own of these DAGs, for who may do something with some.

    :param ids: the caller's own already
    :param dialect: of the metadata database, as SQLAlchemy calls it
    """
    return SomeDags(ids) if dialect == "postgresql" and len(ids) > FEW else ids


class _Subquery(set[str]):
    """A set of DAG ids; ``column.in_(it)`` is a subquery for as long as nobody changes the set.

    Whoever takes something away gets what any set gives, parameters: a subquery would show again what was taken away.
    What is computed from it (``&``, ``intersection``, ``copy``) is another set, without the subquery.
    """

    # Set only on an instance: SQLAlchemy looks whether it is there, and a changed set must not have it.
    __slots__ = ("__clause_element__",)

    __clause_element__: Callable[[], Select[Any]]

    def __init__(self, ids: Collection[str], clause: Callable[[], Select[Any]]) -> None:
        super().__init__(ids)
        self.__clause_element__ = clause

    def _change(self) -> None:
        if hasattr(self, "__clause_element__"):
            del self.__clause_element__

    def __reduce__(self) -> tuple[type[set[str]], tuple[list[str]]]:
        """Leave the process as a plain set."""
        return set, (list(self),)

    def copy(self) -> set[str]:
        """Return a plain set."""
        return set(self)

    def add(self, element: str, /) -> None:
        """Change it."""
        self._change()
        super().add(element)

    def discard(self, element: object, /) -> None:
        """Change it."""
        self._change()
        super().discard(element)

    def remove(self, element: str, /) -> None:
        """Change it."""
        self._change()
        super().remove(element)

    def pop(self) -> str:
        """Change it."""
        self._change()
        return super().pop()

    def clear(self) -> None:
        """Change it."""
        self._change()
        super().clear()

    def update(self, *others: Iterable[str]) -> None:
        """Change it."""
        self._change()
        super().update(*others)

    def difference_update(self, *others: Iterable[Any]) -> None:
        """Change it."""
        self._change()
        super().difference_update(*others)

    def intersection_update(self, *others: Iterable[Any]) -> None:
        """Change it."""
        self._change()
        super().intersection_update(*others)

    def symmetric_difference_update(self, other: Iterable[str], /) -> None:
        """Change it."""
        self._change()
        super().symmetric_difference_update(other)

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]  # the set itself, as any set gives
        self._change()
        return super().__ior__(other)

    def __iand__(self, other: Any) -> Any:  # type: ignore[misc]  # the set itself, as any set gives
        self._change()
        return super().__iand__(other)

    def __isub__(self, other: Any) -> Any:  # type: ignore[misc]  # the set itself, as any set gives
        self._change()
        return super().__isub__(other)

    def __ixor__(self, other: Any) -> Any:  # type: ignore[misc]  # the set itself, as any set gives
        self._change()
        return super().__ixor__(other)


class EveryDag(_Subquery):
    """The ids of all DAGs; the subquery is that of Airflow's table."""

    __slots__ = ()

    def __init__(self, ids: Collection[str] = ()) -> None:
        super().__init__(ids, _select_every_dag)


class SomeDags(_Subquery):
    """The ids of some DAGs; the subquery reads them from one parameter. For PostgreSQL."""

    __slots__ = ()

    def __init__(self, ids: Collection[str] = ()) -> None:
        # A list of its own: who changes the set while a statement waits must not change what was asked.
        super().__init__(ids, partial(_select_listed, tuple(ids)))


def _select_listed(ids: tuple[str, ...]) -> Select[Any]:
    """Return the ids as rows. As JSON, which PostgreSQL reads quicker than an array of as many strings."""
    from sqlalchemy import bindparam, func, select
    from sqlalchemy.dialects.postgresql import JSONB

    return select(func.jsonb_array_elements_text(bindparam("dag_ids", ids, type_=JSONB, unique=True)))


@cache
def _select_every_dag() -> Select[Any]:
    """Return the statement, made once: SQLAlchemy then finds what it compiled by identity.

    Of an alias: the same table in the statement around it would be taken for the same rows.
    """
    from airflow.models.dag import DagModel
    from sqlalchemy import select
    from sqlalchemy.orm import aliased

    every = aliased(DagModel, name="every_dag")
    return select(every.dag_id).correlate(None)
