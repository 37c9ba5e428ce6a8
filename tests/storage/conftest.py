"""One backend after the other: memory, SQLite, PostgreSQL, MariaDB. Absent servers are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage import servers
from tests.storage.audit_rig import AuditDatabase, Server, audit_database, server_that_signed_twice
from tests.storage.backends import Backend, build_engine, database_backend, sqlite_url
from tests.storage.fab import FabDatabase, fab_database

DATABASES = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with servers.postgresql() as url:
        yield url or pytest.skip("PostgreSQL is not installed")


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    with servers.mariadb() as url:
        yield url or pytest.skip("MariaDB is not installed")


@pytest.fixture
def engine_of(request: pytest.FixtureRequest, tmp_path) -> Iterator:
    engines: list[Engine] = []

    def build(name: str) -> Engine:
        url = sqlite_url(tmp_path) if name == "sqlite" else request.getfixturevalue(f"{name}_url")
        engines.append(build_engine(url))
        return engines[-1]

    yield build
    for engine in engines:
        engine.dispose()


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, engine_of) -> Engine:
    return engine_of(request.param)


@pytest.fixture
def database(engine: Engine, request: pytest.FixtureRequest) -> Backend:
    return database_backend(engine.dialect.name, engine)


@pytest.fixture(params=("memory", *DATABASES))
def backend(request: pytest.FixtureRequest, engine_of) -> Backend:
    if request.param == "memory":
        shared = MemorySessionStore()
        return Backend("memory", lambda: shared)
    return database_backend(request.param, engine_of(request.param))


@pytest.fixture
def fab(engine: Engine) -> FabDatabase:
    return fab_database(engine)


@pytest.fixture
def audit(engine_of) -> Iterator[AuditDatabase]:
    with audit_database(engine_of("sqlite")) as database:
        yield database


@pytest.fixture
def server(audit: AuditDatabase) -> Iterator[Server]:
    with server_that_signed_twice(audit) as server:
        yield server
