"""Airflow's questions about many things: which ids a user may see or change.

Roles allow a method on all things of a kind or on none, DAGs excepted, which can be allowed one by one. So a filter
is one question, and a list is one question and at most one plain query of ids, without the joins over teams that
the base class makes.

``session`` is accepted as in the base class. Core never passes one; who does gets the rows of that session.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from sqlalchemy import select

from airflow_oidc_auth.managers.dag_ids import DagIds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.api_fastapi.auth.managers.models.resource_details import AssetDetails
    from sqlalchemy.orm import InstrumentedAttribute, Session

    from airflow_oidc_auth.policy.permissions import Permissions

K = TypeVar("K")


class Permitted(Protocol):
    """A user whose roles are compiled."""

    @property
    def permissions(self) -> Permissions:
        """Return what the roles may do."""


class Lists:
    """Answer every ``filter_authorized_*`` and ``get_authorized_*`` of ``BaseAuthManager``.

    Every set is the caller's own: Airflow intersects and extends what it gets.
    """

    def filter_authorized_assets(
        self, *, assets: Iterable[AssetDetails], user: Permitted, method: str = "GET", **later: object
    ) -> set[str]:
        """Return the ids of the assets that the method may be applied to (asked by Airflow 3.4)."""
        if not user.permissions.allows(method, "Assets"):
            return set()
        return {details.id for details in assets if details.id is not None}

    def filter_authorized_connections(
        self, *, conn_ids: set[str], user: Permitted, method: str = "GET", **later: object
    ) -> set[str]:
        """Return the connections that the method may be applied to."""
        return set(conn_ids) if user.permissions.allows(method, "Connections") else set()

    def filter_authorized_dag_ids(
        self, *, dag_ids: set[str], user: Permitted, method: str = "GET", **later: object
    ) -> set[str]:
        """Return the DAGs that the method may be applied to."""
        permissions = user.permissions
        return set(dag_ids) if permissions.allows_every_dag(method) else dag_ids & permissions.single_dag_ids(method)

    def filter_authorized_pools(
        self, *, pool_names: set[str], user: Permitted, method: str = "GET", **later: object
    ) -> set[str]:
        """Return the pools that the method may be applied to."""
        return set(pool_names) if user.permissions.allows(method, "Pools") else set()

    def filter_authorized_teams(
        self, *, teams_names: set[str], user: Permitted, method: str = "GET", **later: object
    ) -> set[str]:
        """Return the teams that the user belongs to: all for Admin, none for others, until teams are supported."""
        return set(teams_names) if user.permissions.everything else set()

    def filter_authorized_variables(
        self, *, variable_keys: set[str], user: Permitted, method: str = "GET", **later: object
    ) -> set[str]:
        """Return the variables that the method may be applied to."""
        return set(variable_keys) if user.permissions.allows(method, "Variables") else set()

    def get_authorized_assets(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[int]:
        """Return the ids of the assets that the method may be applied to (asked by Airflow 3.4)."""
        from airflow.models.asset import AssetModel

        return _all_of(AssetModel.id, session) if user.permissions.allows(method, "Assets") else set()

    def get_authorized_connections(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the ids of the connections that the method may be applied to."""
        from airflow.models.connection import Connection

        return _all_of(Connection.conn_id, session) if user.permissions.allows(method, "Connections") else set()

    def get_authorized_dag_ids(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the DAGs that the method may be applied to; without a session from a snapshot up to 2 s old."""
        permissions = user.permissions
        single = permissions.single_dag_ids(method)
        if not single and not permissions.allows_every_dag(method):
            return set()
        found = self._dag_ids.get() if session is None else _load_dag_ids(session)
        return found & single if single else found

    def get_authorized_pools(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the names of the pools that the method may be applied to."""
        from airflow.models.pool import Pool

        return _all_of(Pool.pool, session) if user.permissions.allows(method, "Pools") else set()

    def get_authorized_teams(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the teams that the user belongs to."""
        from airflow.models.team import Team

        return _all_of(Team.name, session) if user.permissions.everything else set()

    def get_authorized_variables(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the keys of the variables that the method may be applied to."""
        from airflow.models.variable import Variable

        return _all_of(Variable.key, session) if user.permissions.allows(method, "Variables") else set()

    @cached_property
    def _dag_ids(self) -> DagIds:
        return DagIds(_load_dag_ids)


def _load_dag_ids(session: Session | None = None) -> set[str]:
    from airflow.models.dag import DagModel

    return _all_of(DagModel.dag_id, session)


def _all_of(column: InstrumentedAttribute[K] | InstrumentedAttribute[K | None], session: Session | None) -> set[K]:
    from airflow.utils.session import create_session

    if session is not None:
        return {value for value in session.scalars(select(column)) if value is not None}
    # Not the thread's scoped session: a route that uses that one must not find it committed and closed by us.
    with create_session(scoped=False) as own:
        # Rows of the connection, not of the ORM, which takes twice as long to hand over ten thousand strings.
        found: set[K | None] = set(own.connection().execute(select(column)).scalars().all())
    return {value for value in found if value is not None} if None in found else cast("set[K]", found)
