"""Several API servers, real processes, on one PostgreSQL, and an IdP that does not forgive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck import Rechecker
from airflow_oidc_auth.sessions.session_check import LEASE
from tests.storage.backends import database_backend
from tests.storage.people import HOUR, NOW
from tests.storage.rotating_idp import EVERY, Report, RotatingIdp, SharedRotatingIdp, open_followed, rules_of

ROOT = Path(__file__).parents[2]
TABS = 200
STEP = 30


class Process:
    """A server's process, one question at a time."""

    def __init__(self, url: str, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.recheck_server", url, *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: dict = {}

    def tell(self, now: int) -> None:
        self._process.stdin.write(f"{now}\n")
        self._process.stdin.flush()

    def listen(self) -> bool:
        """Wait for the answer; False if it died."""
        # Airflow logs to the same stream.
        for line in self._process.stdout:
            if line.startswith("answer "):
                self.said = json.loads(line.removeprefix("answer "))
                return True
        return False

    def close(self) -> int:
        self._process.stdin.close()
        code = self._process.wait(30)
        self._process.stdout.close()
        return code


@pytest.fixture
def shared(engine_of):
    engine = engine_of("postgresql")
    backend = database_backend("postgresql", engine)
    idp = SharedRotatingIdp(engine)
    idp.create()
    return backend, idp


@pytest.fixture
def start(postgresql_url):
    running: list[Process] = []

    def begin(*options: str) -> Process:
        running.append(Process(postgresql_url, *options))
        return running[-1]

    yield begin
    for process in running:
        process.close()


def pass_time(servers, store, sessions, begin: int, end: int) -> list[Process]:
    """Let time pass in small steps, on every server at once, with every tab in use; return who is left."""
    for now in range(begin, end, STEP):
        store.touch({session.id: now for session in sessions})
        for server in servers:
            server.tell(now)
        servers = [server for server in servers if server.listen()]
    return servers


@pytest.mark.timeout(600)
def test_two_servers_and_two_hundred_tabs_lose_no_session_in_an_hour(shared, start):
    (_, idp), store = shared, shared[0].new_store()
    servers = [start(), start()]
    sessions = [open_followed(store, idp, f"p{number}", check_due_at=NOW + number % EVERY) for number in range(TABS)]
    for server in servers:
        assert server.listen()
    pass_time(servers, store, sessions, NOW, NOW + HOUR)
    assert idp.revoked() == []
    live = store.list_sessions(now=NOW + HOUR)
    assert len(live) == TABS
    assert min(session.checked_at for session in live) > NOW + HOUR - EVERY - 2 * STEP
    asked = [server.said["asked"] for server in servers]
    assert sum(asked) >= TABS * 11
    assert min(asked) > TABS, f"one server does everything: {asked}"


def test_a_server_killed_between_rotation_and_commit_loses_one_session(shared, start):
    (_, idp), store = shared, shared[0].new_store()
    victim, other = start("kill"), start()
    sessions = [open_followed(store, idp, f"p{number}") for number in range(20)]
    for server in (victim, other):
        assert server.listen()
    # Its first question is its last: no other server was asked yet.
    victim.tell(NOW + EVERY)
    assert not victim.listen()
    left = pass_time([other], store, sessions, NOW + EVERY, NOW + EVERY + 2 * LEASE)
    assert left == [other]
    assert len(other.said["ended"]) == 1
    assert other.said["ended"] == idp.revoked()
    assert len(store.list_sessions(now=NOW + EVERY)) == 19


@pytest.fixture
def crowd(engine):
    """Two servers in this process, on each database."""
    backend, idp = database_backend(engine.dialect.name, engine), RotatingIdp()
    now, reports = [float(NOW)], [Report(), Report()]
    servers = []
    for report in reports:
        live = LiveSessions(backend.new_store(), clock=lambda: now[0], monotonic=lambda: now[0])
        clock = {"clock": lambda: now[0], "monotonic": lambda: now[0]}
        servers.append(Rechecker(live, rules_of(idp), report, **clock))
    yield backend.new_store(), idp, servers, now, reports
    for server in servers:
        server.stop()


def test_two_servers_that_look_at_once_ask_about_each_session_once(crowd):
    store, idp, servers, now, reports = crowd
    sessions = [open_followed(store, idp, f"p{number}") for number in range(40)]
    for round_number in range(1, 4):
        now[0] = NOW + EVERY * round_number
        store.touch({session.id: int(now[0]) for session in sessions})
        threads = [threading.Thread(target=server.look) for server in servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for server in servers:
            server.wait(60)
    assert sorted(idp.asked) == sorted(3 * [session.subject for session in sessions])
    assert all(report.ends == [] for report in reports)
    assert len(store.list_sessions(now=int(now[0]))) == 40
