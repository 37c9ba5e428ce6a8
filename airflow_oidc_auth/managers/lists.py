"""Airflow's questions about many things: which ids a user may see or change.

A filter gives the same as the question about each single thing. A list is at most one plain query of names and teams,
without the joins that the base class makes, and none at all for who may see nothing of the kind.

``session`` is accepted as in the base class. Core never passes one; who does gets the rows of that session.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Select, func, select

from airflow_oidc_auth.managers.dag_ids import DagIds
from airflow_oidc_auth.managers.permitted_dags import permit_every, permit_some
from airflow_oidc_auth.web.shown_parts import SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from airflow.api_fastapi.auth.managers.models.resource_details import AssetDetails
    from sqlalchemy.orm import Session

    from airflow_oidc_auth.policy.permissions import Permissions


class Permitted(Protocol):
    """A user whose roles are compiled."""

    @property
    def permissions(self) -> Permissions:
        """Return what the roles may do."""


Listed = tuple[str, "str | None"]
"""A method, and the part of DAGs that it is applied to; None for the DAGs themselves."""


def note_list(user: Any, method: str, entity: str | None) -> None:
    """Keep that this request may read a part of DAGs, or change many: what it lists from now on is that.

    Core then filters by the DAGs that may be read, whichever part it lists: runs of a DAG whose runs are denied would
    be shown. Which DAGs may be changed stays as it is. A user object lives for one request.
    """
    listed = getattr(user, "listed", ())
    if (method, entity) not in listed:
        user.listed = (*listed, (method, entity))


def part_withheld(user: Permitted, dag_id: str, team: str | None) -> str | None:
    """Return a part of a DAG that the answer in hand shows besides the DAG itself, and that may not be read."""
    allows = user.permissions.allows_dag
    return next((part for part in SHOWN.get() if not allows("GET", part, dag_id, team)), None)


class Lists:
    """Answer every ``filter_authorized_*`` and ``get_authorized_*`` of ``BaseAuthManager``.

    Every set is the caller's own: Airflow intersects and extends what it gets.
    """

    def filter_authorized_assets(
        self, *, assets: Iterable[AssetDetails], user: Permitted, method: str = "GET", **later: object
    ) -> set[str]:
        """Return the ids of the assets that the method may be applied to (asked by Airflow 3.4)."""
        allows, named = user.permissions.allows_named, self._name_of_asset
        ids = (details.id for details in assets if details.id is not None)
        return {asset_id for asset_id in ids if allows(method, "Assets", named(asset_id), None)}

    def filter_authorized_connections(
        self, *, conn_ids: set[str], user: Permitted, method: str = "GET", team_name: str | None = None, **later: object
    ) -> set[str]:
        """Return the connections that the method may be applied to."""
        return user.permissions.filter_names(method, "Connections", conn_ids, team_name or self._untold_team)

    def filter_authorized_dag_ids(
        self, *, dag_ids: set[str], user: Permitted, method: str = "GET", team_name: str | None = None, **later: object
    ) -> set[str]:
        """Return the DAGs that the method may be applied to."""
        return _filter_dag_ids(user, method, dag_ids, team_name)

    def filter_authorized_pools(
        self,
        *,
        pool_names: set[str],
        user: Permitted,
        method: str = "GET",
        team_name: str | None = None,
        **later: object,
    ) -> set[str]:
        """Return the pools that the method may be applied to."""
        return user.permissions.filter_names(method, "Pools", pool_names, team_name or self._untold_team)

    def filter_authorized_teams(
        self, *, teams_names: set[str], user: Permitted, method: str = "GET", **later: object
    ) -> set[str]:
        """Return the teams that the user belongs to: a role of theirs holds in it, or they are Admin."""
        in_team = user.permissions.in_team
        return {team for team in teams_names if in_team(team)}

    def filter_authorized_variables(
        self,
        *,
        variable_keys: set[str],
        user: Permitted,
        method: str = "GET",
        team_name: str | None = None,
        **later: object,
    ) -> set[str]:
        """Return the variables that the method may be applied to."""
        return user.permissions.filter_names(method, "Variables", variable_keys, team_name or self._untold_team)

    def get_authorized_assets(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[int]:
        """Return the ids of the assets that the method may be applied to (asked by Airflow 3.4)."""
        from airflow.models.asset import AssetModel

        permissions = user.permissions
        if not permissions.allows_some(method, "Assets"):
            return set()
        rows = _read(session, AssetModel.id, AssetModel.name)
        return {asset_id for asset_id, name in rows if permissions.allows_named(method, "Assets", name, None)}

    def get_authorized_connections(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the ids of the connections that the method may be applied to."""
        from airflow.models.connection import Connection

        return self._list_named(user, method, "Connections", session, Connection.conn_id, Connection.team_name)

    def get_authorized_dag_ids(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the DAGs that the method may be applied to; without a session from a snapshot up to 2 s old.

        While the request lists a part of many DAGs, only those that this part may be seen of.
        """
        permissions = user.permissions
        if not _allows_dags(permissions, method) and not permissions.dag_ids(method):
            return set()
        found = self._dag_ids.get() if session is None else _load_dag_ids(session)
        if _allows_every_dag(user, method):
            return permit_every(found)
        return permit_some(_filter_dag_ids(user, method, found, None), _dialect())

    def get_authorized_pools(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the names of the pools that the method may be applied to."""
        from airflow.models.pool import Pool

        return self._list_named(user, method, "Pools", session, Pool.pool, Pool.team_name)

    def get_authorized_teams(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the teams that the user belongs to."""
        from airflow.models.team import Team

        return self.filter_authorized_teams(
            teams_names={name for (name,) in _read(session, Team.name)}, user=user, method=method
        )

    def get_authorized_variables(
        self, *, user: Permitted, method: str = "GET", session: Session | None = None, **later: object
    ) -> set[str]:
        """Return the keys of the variables that the method may be applied to."""
        from airflow.models.variable import Variable

        return self._list_named(user, method, "Variables", session, Variable.key, Variable.team_name)

    @property
    def _untold_team(self) -> str | None:
        """Return the team of a connection, a variable or a pool whose team Airflow does not tell."""
        return None

    def _list_named(
        self, user: Permitted, method: str, resource: str, session: Session | None, name: Any, team: Any
    ) -> set[str]:
        permissions, untold = user.permissions, self._untold_team
        if not permissions.allows_some(method, resource):
            return set()
        by_team: dict[str | None, list[str]] = {}
        for each, of_team in _read(session, name, team):
            by_team.setdefault(untold or of_team, []).append(each)
        found: set[str] = set()
        for of_team, names in by_team.items():
            found |= permissions.filter_names(method, resource, names, of_team)
        return found

    @cached_property
    def _dag_ids(self) -> DagIds:
        return DagIds(_load_dag_ids, _count_dag_ids)

    def _name_of_asset(self, asset_id: str) -> str | None:
        """Return the name that rules know the asset by; Airflow tells its number. None for one that is not known."""
        return None


def _allows_dags(permissions: Permissions, method: str) -> bool:
    return permissions.allows_every_dag(method) or permissions.allows_dag(method, None, None)


def _allows_every_dag(user: Permitted, method: str) -> bool:
    allows = user.permissions.allows_every_dag
    return allows(method) and all(allows(*each) for each in _listed(user, method))


def _filter_dag_ids(user: Permitted, method: str, dag_ids: AbstractSet[str], team: str | None) -> set[str]:
    permissions = user.permissions
    found = permissions.filter_dag_ids(method, dag_ids, team)
    for asked, entity in _listed(user, method):
        found = permissions.filter_dag_ids(asked, found, team, entity)
    return found


def _listed(user: Permitted, method: str) -> tuple[Listed, ...]:
    if method != "GET":
        return ()
    listed: tuple[Listed, ...] = getattr(user, "listed", ())
    return (*listed, *(("GET", part) for part in shown)) if (shown := SHOWN.get()) else listed


def _dialect() -> str | None:
    from airflow import settings

    return settings.engine.dialect.name if settings.engine else None


def _load_dag_ids(session: Session | None = None) -> set[str]:
    from airflow.models.dag import DagModel

    return {dag_id for (dag_id,) in _read(session, DagModel.dag_id)}


def _count_dag_ids() -> int:
    from airflow.models.dag import DagModel

    ((found,),) = _ask(select(func.count(DagModel.dag_id)))
    return int(found)


def _read(session: Session | None, *columns: Any) -> list[Any]:
    """Return the rows whose first column holds something."""
    wanted = select(*columns).where(columns[0].is_not(None))
    return _ask(wanted) if session is None else list(session.execute(wanted))


def _ask(wanted: Select[Any]) -> list[Any]:
    """Return rows, read in a transaction of our own."""
    from airflow.utils.session import create_session

    # Not the thread's scoped session: a route that uses that one must not find it committed and closed by us.
    with create_session(scoped=False) as own:
        # Rows of the connection, not of the ORM, which takes twice as long to hand over ten thousand strings.
        return list(own.connection().execute(wanted))
