"""Start servers as children that cannot outlive their parent, and stop them with everything they started.

Each child leads a process group of its own, so that Ctrl-C reaches the parent alone and the parent ends whole
groups. If the parent is killed, Linux tells the children (``PR_SET_PDEATHSIG``); what survives even that, or runs
on another system, was noted in a file, and the next start ends it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from console import Stop

NOTES = "children.json"
GRACE_SECONDS = 6
PR_SET_PDEATHSIG = 1


class Children:
    """The servers of one run.

    :param logs: folder for one log file per child
    :param environ: environment of all of them
    """

    def __init__(self, logs: Path, environ: Mapping[str, str]) -> None:
        self._logs = logs
        self._environ = dict(environ)
        self._notes = logs.parent / NOTES
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._again: dict[str, Callable[[], None]] = {}

    def start(self, name: str, command: Sequence[str | Path], *, restarts: int = 0) -> None:
        """Start one child; what it prints goes to its log file.

        :param restarts: how often it is started again when it ends by itself
        """
        self.log(name).unlink(missing_ok=True)
        self._start(name, command, restarts)

    def _start(self, name: str, command: Sequence[str | Path], restarts: int) -> None:
        self._again.pop(name, None)
        if restarts:
            self._again[name] = lambda: self._start(name, command, restarts - 1)
        parent = os.getpid()
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environ,
                cwd=self._logs.parent,  # by which the next start knows whose they are
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 — no thread of ours holds a lock the child needs
            )
        noted = {child: (process.pid, _birth(process.pid)) for child, process in self._running.items()}
        self._notes.write_text(json.dumps(noted), encoding="utf-8")

    def log(self, name: str) -> Path:
        """Return where a child's output is."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Start a child again that has ended by itself, or raise Stop with the end of its log."""
        for name, process in list(self._running.items()):
            if process.poll() is None:
                continue
            if name in self._again:
                _signal_group(process.pid, signal.SIGKILL)
                self._again[name]()
            else:
                tail = "\n".join(self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-25:])
                raise Stop(f"{name} ended by itself (exit code {process.returncode}). Its last lines:\n\n{tail}")

    def stop(self) -> None:
        """End all groups: politely, then for sure. A second Ctrl-C skips the polite part."""
        with contextlib.suppress(KeyboardInterrupt):
            self._signal(signal.SIGTERM)
            limit = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < limit and any(_group_lives(process.pid) for process in self._running.values()):
                for process in self._running.values():
                    process.poll()
                time.sleep(0.1)
        self._signal(signal.SIGKILL)
        for process in self._running.values():
            process.wait()
        self._notes.unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._running.values():
            _signal_group(process.pid, number)


def end_leftovers(folder: Path) -> int:
    """Kill the groups that an earlier run in this folder left behind, and see them gone; return how many.

    A process id alone proves nothing, it may belong to somebody else by now: the time of birth must fit, too, or,
    of a group whose leader has died, the folder that its members work in.
    """
    try:
        noted = json.loads((folder / NOTES).read_text(encoding="utf-8")).values()
    except (OSError, ValueError, AttributeError):
        return 0
    alive = [pid for pid, birth in noted if birth and (_birth(pid) == birth or _outlived(pid, folder))]
    for pid in alive:
        _signal_group(pid, signal.SIGKILL)
    limit = time.monotonic() + GRACE_SECONDS
    while any(_members(pid) for pid in alive) and time.monotonic() < limit:
        time.sleep(0.05)
    (folder / NOTES).unlink()
    return len(alive)


def free_port(preferred: int, taken: Sequence[int] = ()) -> int:
    """Return the first port from ``preferred`` on that nobody listens on, on either loopback address."""
    for port in range(preferred, preferred + 100):
        if port not in taken and not is_taken(port):
            return port
    raise Stop(f"No free port between {preferred} and {preferred + 99}.")


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on the port, on IPv4 or IPv6."""
    return not (_can_bind(socket.AF_INET, "127.0.0.1", port) and _can_bind(socket.AF_INET6, "::1", port))


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)  # a socket that is bound and does not listen yet lets us bind, and not listen
    except OSError as error:
        return family == socket.AF_INET6 and not isinstance(error, PermissionError) and "in use" not in str(error)
    return True


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent died before the request was made
            os._exit(1)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _outlived(group: int, folder: Path) -> bool:
    """Tell whether a group that has lost its leader is at work in a folder (Linux only: elsewhere nobody knows)."""
    if _birth(group):
        return False
    with contextlib.suppress(OSError):
        return any((process / "cwd").readlink() == folder.resolve() for process in _members(group))
    return False


def _members(group: int) -> list[Path]:
    """Return the living processes of a group, as Linux lists them."""
    members = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (process / "stat").read_text(encoding="utf-8", errors="replace")
            state, _, of_group = stat.rpartition(")")[2].split()[:3]
            members += [process] if state != "Z" and int(of_group) == group else []
    return members


def _birth(pid: int) -> str:
    """Return when a process was born, in whatever words the system has; empty if there is none."""
    try:
        # After the name, which is in parentheses and may hold anything, the start time is the 20th field.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        if sys.platform == "linux":
            return ""
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()
