"""FAB's roles as its tables hold them; FAB itself need not be installed any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, column, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.airflow_log import airflow_transactions
from airflow_oidc_auth.audit.database_error import describe_database_error
from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.sessions.models import SCHEMA

FabPair = tuple[str, str]
"""An action and a resource, as FAB names them."""


@dataclass(frozen=True, slots=True)
class FabRoles:
    """What the tables hold.

    :param pairs: actions and resources by role, in the order of names
    :param known: every pair that there is, whether a role has it or not
    """

    pairs: Mapping[str, frozenset[FabPair]]
    known: frozenset[FabPair]


def read_fab_roles() -> FabRoles:
    """Read every role and every permission.

    :raises CommandFailed: there are no such tables, or the database cannot be used
    """
    try:
        with airflow_transactions() as transaction:
            if not inspect(transaction.connection()).has_table("ab_role", schema=SCHEMA):
                text = (
                    "This database has no roles of FAB's: [database] sql_alchemy_conn must name the one that FAB used."
                )
                raise CommandFailed(text)
            return _read(transaction)
    except SQLAlchemyError as error:
        raise CommandFailed(f"The metadata database cannot be used: {describe_database_error(error)}") from None


def _read(transaction: Transaction) -> FabRoles:
    roles = table("ab_role", column("id"), column("name"), schema=SCHEMA)
    given = table("ab_permission_view_role", column("role_id"), column("permission_view_id"), schema=SCHEMA)
    known = {row[0]: (row[1], row[2]) for row in transaction.execute(_permissions())}
    names = {row[0]: row[1] for row in transaction.execute(select(roles.c.id, roles.c.name))}
    found: dict[str, set[FabPair]] = {name: set() for name in sorted(names.values())}
    for role_id, permission_id in transaction.execute(select(given.c.role_id, given.c.permission_view_id)):
        # FAB leaves rows behind whose role or permission is gone.
        if role_id in names and permission_id in known:
            found[names[role_id]].add(known[permission_id])
    return FabRoles({name: frozenset(pairs) for name, pairs in found.items()}, frozenset(known.values()))


def _permissions() -> Select[Any]:
    actions = table("ab_permission", column("id"), column("name"), schema=SCHEMA)
    resources = table("ab_view_menu", column("id"), column("name"), schema=SCHEMA)
    pairs = table("ab_permission_view", column("id"), column("permission_id"), column("view_menu_id"), schema=SCHEMA)
    return (
        select(pairs.c.id, actions.c.name, resources.c.name)
        .join_from(pairs, actions, pairs.c.permission_id == actions.c.id)
        .join(resources, pairs.c.view_menu_id == resources.c.id)
    )
