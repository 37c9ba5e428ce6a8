"""A test run that is killed leaves no database server behind."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from tests.storage import servers

SCRIPT = """
import sys, time
from tests.storage import servers
with getattr(servers, sys.argv[1])() as url:
    print(url or "absent", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_a_server_dies_with_the_test_run(name):
    with subprocess.Popen([sys.executable, "-c", SCRIPT, name], stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout is not None
            url = run.stdout.readline().strip()
        finally:
            run.kill()
    if url == "absent":
        pytest.skip(f"{name} is not installed")
    assert url
    deadline = time.monotonic() + 20
    while answers(url):
        assert time.monotonic() < deadline, "the server outlived the test run"
        time.sleep(0.1)
    servers.remove_stale_directories()


def answers(url: str) -> bool:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    else:
        return True
    finally:
        engine.dispose()
