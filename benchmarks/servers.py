"""Start real API servers: how long until they answer, how much memory they hold, how many requests they serve."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.homes import ROOT, Home

START_LIMIT = 120.0
READY = "/api/v2/version"


@dataclass(frozen=True)
class Server:
    """A running API server.

    :param seconds: from starting the process to the first answer
    """

    port: int
    pid: int
    seconds: float
    process: subprocess.Popen[bytes]

    def crashed(self) -> bool:
        """Tell whether the server has ended by itself."""
        return self.process.poll() is not None

    def cpu(self) -> float:
        """Return the seconds of CPU that the whole process tree has used."""
        return sum(_cpu_ticks(pid) for pid in _tree(self.pid)) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return the proportional set size of the whole process tree, in MB."""
        return sum(_pss(pid) for pid in _tree(self.pid)) / 1024


@contextlib.contextmanager
def running(home: Home, *options: str, far: bool = False) -> Iterator[Server]:
    """Start ``airflow api-server`` with one worker on a free port; stop it afterwards.

    :param options: further ones of its command line
    """
    command = [
        sys.executable,
        "-m",
        "airflow",
        "api-server",
        "--host",
        "127.0.0.1",
        "--port",
        str(home.port),
        "--workers",
        "1",
        *options,
    ]
    log = (home.path / "api-server.log").open("ab")
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=home.environment(far=far),
        cwd=ROOT,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        _wait_until_it_answers(process, home.port, home)
        yield Server(home.port, process.pid, time.perf_counter() - started, process)
    finally:
        log.close()
        _stop(process)


def load(server: Server, path: str, cookie: str, *, connections: int, seconds: float) -> dict[str, float]:
    """Ask one address from a process of its own; ``cpu`` is what the server needs for one answer, in seconds."""
    used = server.cpu()
    found = _ask(server.port, path, cookie, connections, seconds)
    return found | {"cpu": (server.cpu() - used) / found.pop("answers")}


def patient_load(
    server: Server, path: str, cookie: str, *, connections: int, seconds: float, patience: float = 0.0
) -> dict[str, Any]:
    """Ask one address for some seconds, errors or not; see :func:`benchmarks.load.patiently`.

    The first answers of a process, which pay for imports and compiled statements, come before.
    ``cpu`` is what the server needed for one answer, in seconds; None without any. ``crashed`` is 1 where the server
    ended by itself, which is not counted as answers that are owed.
    """
    for _ in range(3):
        ask_once(server.port, path, patience=START_LIMIT, cookie=cookie)
    used = server.cpu()
    found = _ask(server.port, path, cookie, connections, seconds, patience)
    answers = sum(found["statuses"].values())
    crashed = server.crashed()
    cpu = None if crashed or not answers else (server.cpu() - used) / answers
    return found | {"cpu": cpu, "crashed": int(crashed), "unanswered": 0 if crashed else found["unanswered"]}


@contextlib.contextmanager
def meanwhile(ask: Callable[[], None]) -> Iterator[None]:
    """Ask ten times a second, on a thread of its own, until the block ends."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.1):
            ask()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def ask_once(port: int, path: str, *, patience: float, cookie: str = "") -> int:
    """Return the status of a GET on a connection of its own; 0 for none within the patience."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookie} if cookie else {})
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _ask(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.load", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, home: Home) -> None:
    url = f"http://127.0.0.1:{port}{READY}"
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.01)
    tail = (home.path / "api-server.log").read_text(encoding="utf-8", errors="replace")[-2000:]
    raise SystemExit(f"{home.manager}: the API server did not start:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Its own session: the group is this server and what it started, nothing else.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(descendant for child in children for descendant in _tree(int(child)))]


def _cpu_ticks(pid: int) -> int:
    # After the name, which may hold spaces and brackets: user and system time are the fields 14 and 15.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
