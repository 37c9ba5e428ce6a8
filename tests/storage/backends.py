"""The session stores that the contract suite runs against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.models import metadata
from airflow_oidc_auth.sessions.store import SessionStore

KEYS = Secret("Zm9yIHRlc3RzIG9ubHksIG5vdCBhIHJlYWwga2V5ISE=")


@dataclass(frozen=True)
class Backend:
    """Where sessions are kept, and how another server would reach the same place.

    :param engine: None for a store without a database
    """

    name: str
    new_store: Callable[[], SessionStore]
    engine: Engine | None = None

    @property
    def database(self) -> Engine:
        """The engine of a backend that has one."""
        assert self.engine is not None
        return self.engine


def build_engine(url: str) -> Engine:
    """Return an engine set up as Airflow sets up its own."""
    if url.startswith("sqlite"):
        engine = create_engine(url)
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
        return engine
    if url.startswith("mysql"):
        return create_engine(url, isolation_level="READ COMMITTED", pool_size=20, pool_pre_ping=True)
    return create_engine(url, pool_size=20, pool_pre_ping=True)


def sqlite_url(directory: Path) -> str:
    """Return the URL of a database in a file: servers and threads share it as they do in reality."""
    return f"sqlite:///{directory / 'sessions.db'}"


def database_backend(name: str, engine: Engine, *, keys: Secret = KEYS) -> Backend:
    """Return a backend on empty tables."""
    with engine.begin() as connection:
        metadata.create_all(connection)
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    transactions = sessionmaker(engine).begin
    return Backend(name, lambda: DatabaseSessionStore(TokenCipher(keys), transactions=transactions), engine)
