"""FAB's tables, as its models declare them, and what differs between databases.

Statements are SQLAlchemy Core: FAB's ORM loads every permission of every role with a user. Imported by FAB mode only;
FAB itself is imported when the tables are first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Table, delete, event, inspect
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.sessions.models import fab_users


@dataclass(frozen=True, slots=True)
class FabTables:
    """The tables of FAB's auth manager.

    FAB's groups are left out: its ``User.perms``, by which ``FabAuthManager`` decides, does not count them either.
    """

    users: Table
    roles: Table
    user_roles: Table
    permissions: Table
    role_permissions: Table
    actions: Table
    resources: Table


@cache
def fab_tables() -> FabTables:
    """Return FAB's tables."""
    from airflow.providers.fab.auth_manager import models

    return FabTables(
        users=cast("Table", models.User.__table__),
        roles=cast("Table", models.Role.__table__),
        user_roles=models.assoc_user_role,
        permissions=cast("Table", models.Permission.__table__),
        role_permissions=models.assoc_permission_role,
        actions=cast("Table", models.Action.__table__),
        resources=cast("Table", models.Resource.__table__),
    )


@cache
def forget_links_of_deleted_users() -> None:
    """From now on delete a FAB user's link with the user, in the same transaction; a second call changes nothing.

    It sees what FAB deletes through its ORM: its pages, its API and ``airflow users delete`` where this package is
    loaded. Where it is not, the creation time kept with the link tells. Before ``airflow db migrate`` has made our
    table there is no link, and nothing that could keep FAB from deleting.
    """
    from airflow.providers.fab.auth_manager.models import User

    @event.listens_for(User, "after_delete")
    def _forget(_mapper: object, connection: Connection, user: Any) -> None:
        # Asked first: on PostgreSQL a failed statement would take FAB's own with it.
        if inspect(connection).has_table(fab_users.name, schema=fab_users.schema):
            connection.execute(delete(fab_users).where(fab_users.c.user_id == user.id))


def created_on_text(created_on: datetime | None) -> str:
    """Return a user's creation time as it is kept with the link; empty for a user without one."""
    return "" if created_on is None else created_on.isoformat()


def is_mysql(transaction: Transaction) -> bool:
    """Tell whether the database is MySQL or MariaDB: no fractions of seconds, and maybe three bytes per character."""
    return transaction.get_bind().dialect.name in ("mysql", "mariadb")
