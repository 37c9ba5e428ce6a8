"""README's first command: it starts, a second start finds it, Ctrl-C leaves nothing behind, a crash is mended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.processes import get_status, wait_until

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts" / "demo.py"
READY_SECONDS = 360

pytestmark = [pytest.mark.xdist_group("e2e-demo"), pytest.mark.timeout(900)]


class Demo:
    """The command, run in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self.environ["AIRFLOW_OIDC_AUTH_DEMO_FOLDER"] = str(folder)
        self.started: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, DEMO, *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=seconds, check=False)

    def start(self, *arguments: str, meanwhile: Callable[[str], object] = len) -> subprocess.Popen[str]:
        """Start it and wait until it says that Airflow is ready; ``meanwhile`` is told what it says."""
        log = self.folder.parent / f"demo-{len(self.started)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, DEMO, *arguments],
                env=self.environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                # A shell that runs the tests in the background has them ignore Ctrl-C, and children inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )
        self.started.append(process)

        def ready() -> bool:
            said = log.read_text(encoding="utf-8")
            assert process.poll() is None, said
            meanwhile(said)
            return "Airflow is ready" in said

        wait_until(ready, "the demo's start", seconds=READY_SECONDS)
        self.url = re.findall(r"ready: +(\S+)", log.read_text(encoding="utf-8"))[0]
        return process

    def issuer_port(self) -> int:
        """Return where the identity provider is to listen."""
        config = (self.folder / "airflow.cfg").read_text(encoding="utf-8")
        return int(re.findall(r"issuer = http://127.0.0.1:(\d+)", config)[0])

    def groups(self) -> set[int]:
        """Return the process groups that it noted down."""
        noted = json.loads((self.folder / "children.json").read_text(encoding="utf-8"))
        return {pid for pid, _ in noted.values()}

    def end(self) -> None:
        """End what a test has left running."""
        for process in self.started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with suppress(OSError):
            for group in alive(self.groups()):
                os.killpg(group, signal.SIGKILL)


def alive(groups: set[int]) -> set[int]:
    """Return those of the process groups that still have a member."""
    members = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
            members |= {int(group)} if state != "Z" else set()
    return groups & members


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    if sys.platform != "linux":
        pytest.skip("counts processes in /proc")
    command = Demo((tmp_path_factory.mktemp("demo") / "with space %").resolve())
    yield command
    command.end()


@pytest.fixture(autouse=True)
def nothing_left_running(demo: Demo) -> Iterator[None]:
    """One test's failure must not be the next one's."""
    yield
    demo.end()


def test_it_starts_is_found_by_a_second_start_and_ends_with_all_it_started(demo: Demo) -> None:
    process = demo.start()
    assert get_status(f"{demo.url}/auth/health") == 200
    groups = demo.groups()
    assert len(alive(groups)) == 4

    second = demo.run()
    assert second.returncode == 0
    assert "already running" in second.stderr
    assert demo.url in second.stderr

    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert alive(groups) == set()


def test_a_killed_one_is_mended_by_the_next_start(demo: Demo) -> None:
    first = demo.start()
    orphans = demo.groups()
    first.kill()
    first.wait()
    second = demo.start()
    assert alive(orphans) == set()
    assert get_status(f"{demo.url}/auth/health") == 200
    groups = demo.groups()
    assert demo.run("--stop").returncode == 0
    assert second.wait(60) == 0
    assert alive(groups) == set()


def test_a_port_that_is_lost_at_the_last_moment_is_replaced(demo: Demo) -> None:
    thief = socket.socket()
    thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def steal(said: str) -> None:
        if "Starting the identity provider" in said and thief.getsockname()[1] == 0:
            thief.bind(("127.0.0.1", demo.issuer_port()))
            thief.listen()

    with thief:
        process = demo.start(meanwhile=steal)
        assert thief.getsockname()[1] not in {0, demo.issuer_port()}
        assert get_status(f"{demo.url}/auth/health") == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0


def test_a_port_that_was_asked_for_and_is_taken_is_said(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo.run("--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
