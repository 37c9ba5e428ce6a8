"""What the metadata database knows of the things that rules select: DAGs, connections, variables, pools, assets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from airflow.configuration import conf
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.database_error import describe_database_error
from airflow_oidc_auth.cli.session_access import open_transaction
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.managers.dag_rows import DagRows
from airflow_oidc_auth.managers.teams import is_multi_team
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.name_rules import UNTOLD_TEAM
from airflow_oidc_auth.policy.selectors import DagFacts

Teams = Mapping[str, "str | None"]
"""Name of a thing → its team."""

_OF_TEAMS = ("Connections", "Variables", "Pools")
_NO_THINGS: Mapping[str, Teams] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Inventory:
    """What there is.

    :param named: by resource (``Connections``), the names of the things and their teams
    :param teams: every team, also one without a thing
    :param missing: why the database could not be read; empty if it was
    """

    dags: Mapping[str, DagFacts] = field(default_factory=lambda: MappingProxyType({}))
    named: Mapping[str, Teams] = field(default_factory=lambda: _NO_THINGS)
    teams: tuple[str, ...] = ()
    missing: str = ""

    def as_told(self, policy: Policy) -> Inventory:
        """Return it with the teams of connections, variables and pools as a server with this policy knows them.

        Without ``[core] multi_team`` Airflow does not tell whose such a thing is.
        """
        if is_multi_team():
            return self
        untold = UNTOLD_TEAM if policy.denies_by_team else None
        told = {kind: dict.fromkeys(self.named.get(kind, {}), untold) for kind in _OF_TEAMS}
        return replace(self, named={**self.named, **told})


def read_inventory(*, access_control: bool = False) -> Inventory:
    """Read everything; an Inventory of nothing that says why, where the database cannot be read.

    :param access_control: also what DAG files say of their own DAGs
    """
    try:
        dags = DagRows(open_transaction).read(access_control=access_control)
        with open_transaction() as transaction:
            named = dict(_read_named(transaction))
            teams = tuple(_read_teams(transaction))
    except SQLAlchemyError as error:
        return Inventory(missing=describe_database_error(error))
    except SessionError as error:
        return Inventory(missing=error.detail or error.message.text)
    sections: Teams = dict.fromkeys(conf.get_sections_including_defaults())
    return Inventory(dags, {**named, "Configurations": sections}, teams)


def _read_named(transaction: Transaction) -> Iterator[tuple[str, Teams]]:
    from airflow.models.asset import AssetModel
    from airflow.models.connection import Connection
    from airflow.models.pool import Pool
    from airflow.models.variable import Variable

    yield "Connections", _by_name(transaction, Connection.conn_id, Connection.team_name)
    yield "Variables", _by_name(transaction, Variable.key, Variable.team_name)
    yield "Pools", _by_name(transaction, Pool.pool, Pool.team_name)
    yield "Assets", dict.fromkeys(transaction.connection().execute(select(AssetModel.name)).scalars())


def _by_name(transaction: Transaction, name: Any, team: Any) -> Teams:
    return {key: of for key, of in transaction.connection().execute(select(name, team)) if key is not None}


def _read_teams(transaction: Transaction) -> Iterator[str]:
    from airflow.models.team import Team

    yield from transaction.connection().execute(select(Team.name).order_by(Team.name)).scalars()
