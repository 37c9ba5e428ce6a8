"""README's first command: it starts, a second start finds it, Ctrl-C leaves nothing behind, a crash is mended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.processes import get_status, wait_until

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts" / "demo.py"
READY_SECONDS = 240

pytestmark = [pytest.mark.xdist_group("e2e-demo"), pytest.mark.timeout(600)]


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

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it and wait until it says that Airflow is ready."""
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
            return "Airflow is ready" in said

        wait_until(ready, "the demo's start", seconds=READY_SECONDS)
        self.url = re.findall(r"ready: +(\S+)", log.read_text(encoding="utf-8"))[0]
        return process

    def groups(self) -> set[int]:
        """Return the process groups that it noted down."""
        noted = json.loads((self.folder / "children.json").read_text(encoding="utf-8"))
        return {pid for pid, _ in noted.values()}


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
    for process in command.started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with suppress(OSError):
        for group in alive(command.groups()):
            os.killpg(group, signal.SIGKILL)


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


def test_a_port_that_was_asked_for_and_is_taken_is_said(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo.run("--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
