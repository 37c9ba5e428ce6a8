from __future__ import annotations

import pytest
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.managers.census import Census
from airflow_oidc_auth.sessions.models import metadata
from airflow_oidc_auth.sessions.servers import ServerReports
from tests.e2e.processes import wait_until
from tests.storage.backends import build_engine, sqlite_url

A, B = "A" * 22, "B" * 22


@pytest.fixture
def engine(tmp_path):
    engine = build_engine(sqlite_url(tmp_path))
    yield engine
    engine.dispose()


def census(engine, digest: str, *, rejects: bool = False) -> Census:
    reports = ServerReports(transactions=sessionmaker(engine).begin)
    return Census(reports, lambda: digest, lambda: rejects, lambda: 1_700_000_000.5)


def test_every_server_tells_which_configurations_are_in_force(engine):
    metadata.create_all(engine)
    servers = [census(engine, A), census(engine, A), census(engine, B, rejects=True)]
    for server in servers:
        server.start()
    try:
        wait_until(lambda: all(server.health() for server in servers), "the first reports")
        servers[0].report()
        assert servers[0].health() == {
            "servers": [
                {"configuration": "A" * 12, "processes": 2, "rejecting": 0},
                {"configuration": "B" * 12, "processes": 1, "rejecting": 1},
            ]
        }
    finally:
        for server in servers[1:]:
            server.stop()
    servers[0].report()
    servers[0].stop()
    assert servers[0].health()["servers"] == [{"configuration": "A" * 12, "processes": 1, "rejecting": 0}]


def test_without_the_table_the_health_page_lacks_the_list_and_nothing_else(engine):
    server = census(engine, A)
    with pytest.raises(SessionError):
        server.report()
    assert server.health() == {}
    server.stop()
