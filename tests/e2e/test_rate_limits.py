"""Somebody guesses at a real Airflow: two API servers that count together, and a store that goes away."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import CLIENT_SECRET, OpenIdProvider, document
from tests.e2e.processes import Server, free_port, wait_until

ATTACKER, NEIGHBOUR = "127.0.0.2", "127.0.0.3"
WRONG = {"grant_type": "client_credentials", "client_id": "nightly", "client_secret": "a guess of some length"}
# Of the limits that the document leaves out.
TOKEN_LIMIT = 30
WINDOW = 60


class At(HTTPAdapter):
    """Call from an address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        super().init_poolmanager(*args, **{**kwargs, "source_address": (self._address, 0)})  # type: ignore[arg-type]


def client(address: str) -> requests.Session:
    """Return a program that calls from an address."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", At(address))
    return session


class Cluster:
    """Two API servers on one database, and a Redis."""

    def __init__(self, folder: Path) -> None:
        self.airflow = Airflow(folder / "airflow")
        self.ports = (self.airflow.port, free_port())
        self.redis_port = free_port()
        self._folder = folder
        self.redis: Server | None = None

    def start_redis(self) -> None:
        where = ("--bind", "127.0.0.1", "--port", str(self.redis_port), "--dir", str(self._folder))
        command = ["redis-server", *where, "--save", "", "--appendonly", "no"]
        self.redis = Server(command, self._folder / "redis.log")

    def start(self, op: OpenIdProvider) -> None:
        shared = "rate_limits: {storage: {env: RATE_LIMIT_STORE}}\n"
        self.airflow.document.write_text(document(op) + shared, encoding="utf-8")
        self.airflow.migrate()
        store = f"redis://127.0.0.1:{self.redis_port}/0"
        for port in self.ports:
            server = self.airflow.launch(
                E2E_CLIENT_SECRET=CLIENT_SECRET, RATE_LIMIT_STORE=store, AIRFLOW__API__PORT=str(port)
            )
            server.wait_for(f"http://127.0.0.1:{port}/api/v2/monitor/health")

    def guess(self, who: requests.Session, server: int) -> requests.Response:
        return who.post(f"http://127.0.0.1:{self.ports[server]}/auth/token", WRONG, timeout=20)

    def counting(self) -> set[str]:
        """Return how each server says that it counts."""
        urls = [f"http://127.0.0.1:{port}/auth/health" for port in self.ports]
        return {requests.get(url, timeout=20).json()["rate_limits"] for url in urls}

    def stop(self) -> None:
        self.airflow.stop()
        if self.redis is not None:
            self.redis.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if shutil.which("redis-server") is None:
        assert not os.environ.get("CI"), "CI must have redis-server: .ci/run installs it"
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("rate-limits")
    running = Cluster(folder)
    op = OpenIdProvider(folder / "op.log", running.airflow.base_url)
    try:
        running.start_redis()
        running.start(op)
        yield running
    finally:
        running.stop()
        op.stop()


def test_two_servers_let_pass_together_what_one_may_and_go_on_alone_without_the_store(cluster: Cluster) -> None:
    attacker, neighbour = client(ATTACKER), client(NEIGHBOUR)
    began = time.monotonic()
    statuses = [cluster.guess(attacker, number % 2).status_code for number in range(TOKEN_LIMIT)]
    assert set(statuses) == {401}
    for server in (0, 1):
        refused = cluster.guess(attacker, server)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= WINDOW
    assert cluster.guess(neighbour, 0).status_code == 401
    assert cluster.counting() == {"shared"}
    assert time.monotonic() - began < WINDOW, "too slow a machine to say anything"

    assert cluster.redis is not None
    cluster.redis.stop()
    # Each server still knows the fifteen that it let pass itself, and lets no more than thirty pass.
    again = [cluster.guess(attacker, 0) for _ in range(TOKEN_LIMIT)]
    assert [answer.status_code for answer in again].count(401) <= TOKEN_LIMIT
    assert again[-1].status_code == 429
    assert max(answer.elapsed.total_seconds() for answer in again) < 3
    assert cluster.guess(neighbour, 0).status_code == 401
    assert cluster.guess(neighbour, 1).status_code == 401
    assert cluster.counting() == {"shared_failing"}

    cluster.start_redis()
    third = client("127.0.0.4")

    def together() -> bool:
        cluster.guess(third, 0)
        cluster.guess(third, 1)
        return cluster.counting() == {"shared"}

    wait_until(together, "counting together again", seconds=20, pause=2)
    log = cluster.airflow.home / "api-server.log"
    written = log.read_text(encoding="utf-8")
    assert 1 <= written.count("the shared store fails") <= len(cluster.ports)
