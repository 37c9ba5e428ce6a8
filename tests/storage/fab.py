"""FAB's real tables beside ours, and people in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine, delete, event, insert, select
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.fab.accounts import FabAccounts
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.fab.tables import FabTables, fab_tables
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.models import metadata
from tests.storage.backends import KEYS

OPEN = FabSettings(registration=True)
KEEPING = FabSettings(registration=True, keep_assigned_roles=True)
ROLES = ("Admin", "Op", "User", "Viewer", "Public")
FIRST_DAY = datetime(2020, 1, 1, 12, 0, 0)  # noqa: DTZ001  # FAB's are naive
_seconds = count()


@dataclass(frozen=True)
class FabDatabase:
    """A metadata database with FAB in it."""

    engine: Engine

    @property
    def tables(self) -> FabTables:
        """FAB's tables."""
        return fab_tables()

    def transactions(self) -> Any:
        """Open a transaction that commits on success."""
        return sessionmaker(self.engine).begin()

    def store(self, settings: FabSettings = OPEN, **more: Any) -> DatabaseSessionStore:
        """Return a session store that keeps FAB's users in step."""
        accounts = FabAccounts(settings, **more)
        return DatabaseSessionStore(TokenCipher(KEYS), accounts=accounts, transactions=self.transactions)

    def add_user(self, username: str, roles: Iterable[str] = (), **more: Any) -> int:
        """Add a user as ``airflow users create`` would; return the id."""
        values = {
            "first_name": username,
            "last_name": "Local",
            "email": f"{username}@local.example",
            "password": "scrypt:32768:8:1$salt$hash",
            "active": True,
            "created_on": FIRST_DAY + timedelta(seconds=next(_seconds)),
            "changed_on": None,
            "created_by_fk": None,
            "changed_by_fk": None,
            **more,
        }
        with self.engine.begin() as connection:
            result = connection.execute(insert(self.tables.users).values(username=username, **values))
            user_id = int(result.inserted_primary_key[0])
        for role in roles:
            self.assign(user_id, role)
        return user_id

    def assign(self, user_id: int, role: str) -> None:
        """Give a role as FAB's Users page would."""
        with self.engine.begin() as connection:
            role_id = self.role_id(role)
            connection.execute(insert(self.tables.user_roles).values(user_id=user_id, role_id=role_id))

    def add_role(self, name: str, pairs: Iterable[tuple[str, str]] = ()) -> int:
        """Add a role with permissions."""
        with self.engine.begin() as connection:
            role_id = int(connection.execute(insert(self.tables.roles).values(name=name)).inserted_primary_key[0])
            for action, resource in pairs:
                grant_pair(connection, role_id, action, resource)
        return role_id

    def delete_role(self, name: str) -> None:
        """Delete a role and who has it."""
        role_id = self.role_id(name)
        with self.engine.begin() as connection:
            for table in (self.tables.user_roles, self.tables.role_permissions):
                connection.execute(delete(table).where(table.c.role_id == role_id))
            connection.execute(delete(self.tables.roles).where(self.tables.roles.c.id == role_id))

    def delete_user(self, user_id: int) -> None:
        """Delete a user behind our back."""
        with self.engine.begin() as connection:
            table = self.tables.user_roles
            connection.execute(delete(table).where(table.c.user_id == user_id))
            connection.execute(delete(self.tables.users).where(self.tables.users.c.id == user_id))

    def role_id(self, name: str) -> int:
        """Return the id of a role."""
        rows = self.rows(select(self.tables.roles.c.id, self.tables.roles.c.name))
        return next(row.id for row in rows if row.name == name)

    def change_user(self, user_id: int, **values: Any) -> None:
        """Change a user."""
        with self.engine.begin() as connection:
            users = self.tables.users
            connection.execute(users.update().where(users.c.id == user_id).values(**values))

    def rows(self, statement: Any) -> list[Any]:
        """Run a query."""
        with self.engine.connect() as connection:
            return list(connection.execute(statement))

    def users(self) -> list[Any]:
        """Return every user's row."""
        return self.rows(select(self.tables.users).order_by(self.tables.users.c.id))

    def roles_of(self, user_id: int) -> set[str]:
        """Return the names of a user's roles."""
        roles, has = self.tables.roles.c, self.tables.user_roles.c
        query = select(roles.name).join_from(self.tables.user_roles, self.tables.roles, has.role_id == roles.id)
        return {row.name for row in self.rows(query.where(has.user_id == user_id))}


def grant_pair(connection: Any, role_id: int, action: str, resource: str) -> None:
    """Give a permission to a role, making what is missing."""
    tables = fab_tables()
    action_id = _find_or_add(connection, tables.actions, name=action)
    resource_id = _find_or_add(connection, tables.resources, name=resource)
    pair = _find_or_add(connection, tables.permissions, permission_id=action_id, view_menu_id=resource_id)
    connection.execute(insert(tables.role_permissions).values(permission_view_id=pair, role_id=role_id))


def _find_or_add(connection: Any, table: Any, **values: Any) -> int:
    found = connection.execute(select(table.c.id).filter_by(**values)).scalar()
    return int(found or connection.execute(insert(table).values(**values)).inserted_primary_key[0])


def fab_database(engine: Engine, roles: Iterable[str] = ROLES) -> FabDatabase:
    """Return a database in which FAB has its roles and nobody has ever signed in."""
    fab_metadata = fab_tables().users.metadata
    for tables in (fab_metadata, metadata):
        tables.create_all(engine)
        with engine.begin() as connection:
            for table in reversed(tables.sorted_tables):
                connection.execute(table.delete())
    database = FabDatabase(engine)
    for role in roles:
        database.add_role(role)
    return database


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that reach the database."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
