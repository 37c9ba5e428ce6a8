from __future__ import annotations

import os
import threading
import time

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.periodic import Periodic


def wait_for(condition) -> None:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


@pytest.mark.parametrize("error", [SessionError("session_store_unavailable"), KeyError("a bug"), TypeError("another")])
def test_goes_on_whatever_the_action_raises(error, caplog):
    runs = []

    def action() -> None:
        runs.append(1)
        if len(runs) < 4:
            raise error

    periodic = Periodic("test", action, 0.002)
    periodic.start()
    wait_for(lambda: len(runs) > 5)
    periodic.stop()
    assert "works again after 3 failures" in caplog.text


def test_says_a_planned_failure_once_and_pauses_longer_and_longer(caplog):
    periodic = Periodic("test", _fail, 1.0, max_backoff=5.0)
    assert [periodic._run_once() for _ in range(5)] == [2.0, 4.0, 5.0, 5.0, 5.0]
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is None


def test_says_what_to_do_about_a_planned_failure(caplog):
    def fail() -> None:
        raise SessionError("session_store_unavailable", "no such table", hint="Run `airflow db migrate`.")

    Periodic("test", fail, 1.0)._run_once()
    assert caplog.messages[0].endswith("no such table — Run `airflow db migrate`.")


def _fail() -> None:
    raise SessionError("session_store_unavailable")


def test_starts_once_and_can_start_again():
    runs = []
    periodic = Periodic("oidc-test-periodic", lambda: runs.append(1), 0.002)
    periodic.start()
    periodic.start()
    assert sum(thread.name == "oidc-test-periodic" for thread in threading.enumerate()) == 1
    periodic.stop()
    periodic.stop()
    seen = len(runs)
    periodic.start()
    wait_for(lambda: len(runs) > seen)
    periodic.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_starts_in_a_forked_worker_although_the_parent_had_started_it():
    periodic = Periodic("test", lambda: None, 0.01)
    periodic.start()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        ran = threading.Event()
        periodic._action = ran.set
        periodic.start()
        os.write(write, b"y" if ran.wait(5) else b"n")
        os._exit(0)
    os.waitpid(child, 0)
    periodic.stop()
    assert os.read(read, 1) == b"y"
    os.close(read)
    os.close(write)
