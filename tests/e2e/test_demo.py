"""README's first command: it starts, a second start finds it, Ctrl-C leaves nothing behind, a crash is mended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.processes import die_with_parent, get_status, wait_until

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts" / "demo.py"
READY_SECONDS = 360

pytestmark = [pytest.mark.xdist_group("e2e-demo"), pytest.mark.timeout(900)]


def _as_from_a_terminal() -> None:
    # A shell that runs the tests in the background has them ignore Ctrl-C, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent()


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
                preexec_fn=_as_from_a_terminal,  # noqa: PLW1509
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

    def port(self, setting: str) -> int:
        """Return a port of the demo's configuration, by what stands before it."""
        config = (self.folder / "airflow.cfg").read_text(encoding="utf-8")
        return int(re.findall(rf"^{re.escape(setting)}(\d+)$", config, re.MULTILINE)[0])

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


def is_open(port: int) -> bool:
    """Tell whether anybody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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


def test_a_second_start_finds_it_the_next_one_mends_it_when_killed_and_ctrl_c_ends_all(demo: Demo) -> None:
    first = demo.start()
    assert get_status(f"{demo.url}/auth/health") == 200
    orphans = demo.groups()
    assert len(alive(orphans)) == 4
    assert not is_open(demo.port("worker_log_server_port = ")), "it listens on every address of the machine"

    found = demo.run()
    assert found.returncode == 0
    assert "already running" in found.stderr
    assert demo.url in found.stderr

    first.kill()
    first.wait()
    second = demo.start()
    assert alive(orphans) == set()
    assert get_status(f"{demo.url}/auth/health") == 200
    groups = demo.groups()
    assert alive(groups)
    second.send_signal(signal.SIGINT)
    assert second.wait(60) == 0
    assert alive(groups) == set()


class HealthyStranger(BaseHTTPRequestHandler):
    """Another Airflow, as far as its health page tells."""

    def do_GET(self) -> None:
        parts = {part: {"status": "healthy"} for part in ("metadatabase", "scheduler", "dag_processor")}
        body = json.dumps(parts).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.skipif(not os.environ.get("OIDC_AUTH_PROOF"), reason="starts Airflow three times: for `make proof`")
def test_ports_that_are_lost_at_the_last_moment_are_replaced_and_another_terminal_ends_all(demo: Demo) -> None:
    thieves: list[ThreadingHTTPServer] = []

    def steal(said: str) -> None:
        # First the identity provider's, then Airflow's.
        if said.count("… Starting the identity provider and Airflow (api-server, scheduler, dag-processor)\n") > len(
            thieves
        ):
            port = demo.port("issuer = http://127.0.0.1:") if not thieves else demo.port("port = ")
            thieves.append(ThreadingHTTPServer(("127.0.0.1", port), HealthyStranger))
            threading.Thread(target=thieves[-1].serve_forever, daemon=True).start()

    try:
        process = demo.start(meanwhile=lambda said: len(thieves) < 2 and steal(said))
        assert len(thieves) == 2
        assert thieves[0].server_port != demo.port("issuer = http://127.0.0.1:")
        assert thieves[1].server_port != demo.port("port = ")
        assert get_status(f"{demo.url}/auth/health") == 200
    finally:
        for thief in thieves:
            thief.shutdown()
            thief.server_close()
    groups = demo.groups()
    assert demo.run("--stop").returncode == 0
    assert process.wait(60) == 0
    assert alive(groups) == set()


def test_a_port_that_was_asked_for_and_is_taken_is_said(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo.run("--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
