"""SQLite on a disk that gets full, and on one that takes no writes: ``python -m benchmarks.faults_of_sqlite``.

All of it is real: the database lies on a small file system of its own, which is filled to the last page, and mounted
read-only over itself under the running server; and a server starts on a file that nobody may change (``chattr +i``,
which holds for root too). That needs root; without it the run says so and ends with 0. The exit code is 1 where
somebody who is signed in sees an error, where a sign-in answers anything but a refusal that names the reason, where one
is in that was not stored, or where it does not get well by itself.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.homes import Home
from benchmarks.servers import Server, running
from benchmarks.stage import machine, say
from benchmarks.storm import Bystander, deployed
from benchmarks.storm_people import Browser, NotIn, percentile, subject_of

SPACE = 12
"""MB of the disk."""

PEOPLE = 120
PATIENCE = 60.0
OUTAGE = 8.0
LOGIN = "/auth/login/oidc"
REFUSED = ": 503 session_store_unavailable"
Row = tuple[str, str, bool]


class OnDisk(Home):
    """A home whose database is elsewhere."""

    disk: Path

    def database_url(self, *, far: bool) -> str:
        return f"sqlite:///{self.disk / 'airflow.db'}"

    def environment(self, *, far: bool = False) -> dict[str, str]:
        return super().environment(far=far) | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}


@dataclass
class Stage:
    """One server on such a database, and the people in front of it."""

    home: OnDisk
    server: Server
    came: int = 1

    def come(self) -> str:
        """Let somebody sign in who never did; return ``in``, or where it ended and with what answer."""
        browser = Browser(f"http://127.0.0.1:{self.server.port}", f"198.18.1.{self.came}")
        self.came += 1
        try:
            browser.sign_in(subject_of(self.came), LOGIN)
        except NotIn as error:
            return str(error)
        return "in"

    def well_again(self) -> str:
        """Return how long it takes until somebody signs in; nothing if nobody does."""
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            if self.come() == "in":
                return f"sign-in after {time.monotonic() - begun:.1f} s"
            time.sleep(0.5)
        return ""

    def sessions(self) -> int:
        """Count what is stored, as the file says."""
        with contextlib.closing(sqlite3.connect(self.home.disk / "airflow.db", timeout=30)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return database.execute("SELECT count(*) FROM oidc_auth_session").fetchone()[0]

    def reasons(self) -> str:
        """Return what the log says of it, once each."""
        log = (self.home.path / "api-server.log").read_text(encoding="utf-8", errors="replace").lower()
        known = ("database or disk is full", "attempt to write a readonly database", "unable to open database file")
        return ", ".join(text for text in known if text in log) or "nothing"


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a small file system."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={SPACE}m", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], capture_output=True, check=False)


@contextlib.contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Mount a disk over itself, read-only: whatever is opened from now on takes no writes."""
    _mount("--bind", disk, disk)
    _mount("-o", "remount,bind,ro", disk)
    try:
        yield
    finally:
        subprocess.run(["umount", disk], capture_output=True, check=True)


@contextlib.contextmanager
def unchangeable(file: Path) -> Iterator[None]:
    """Let nobody change a file, root included."""
    subprocess.run(["chattr", "+i", file], capture_output=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", file], capture_output=True, check=True)


def disk_full(stage: Stage, bystander: Bystander) -> Iterator[Row]:
    before, ballast = stage.sessions(), stage.home.disk / "ballast"
    fill(ballast)
    answers = [stage.come()]
    while answers[-1] == "in" and len(answers) < PEOPLE:  # what is free in the pages of the file is used up first
        answers.append(stage.come())
    let_in = answers.count("in")
    time.sleep(OUTAGE)
    answers += [stage.come() for _ in range(3)]
    refused = [answer for answer in answers if answer != "in"]
    yield "disk full: those who come", f"{let_in} find room, then {refused[:1]}", _named(refused)
    yield "disk full: the log", stage.reasons(), "full" in stage.reasons()
    ballast.unlink()
    again = stage.well_again()
    yield "disk full: there is room again", again or "nobody gets in", bool(again)
    stored = stage.sessions() - before
    let_in = answers.count("in") + 1
    yield "disk full: sessions, people who are in", f"{stored}, {let_in}; the file is sound", stored == let_in
    yield from _others("disk full", bystander)


def disk_read_only(stage: Stage, bystander: Bystander) -> Iterator[Row]:
    before = stage.sessions()
    with read_only(stage.home.disk):
        answers = [stage.come() for _ in range(8)]
        time.sleep(OUTAGE)  # every thread of the server has written by then, or tried to
        answers += [stage.come() for _ in range(8)]
    let_in, refused = answers.count("in"), [answer for answer in answers if answer != "in"]
    told = f"{let_in} by a connection that is open for writing, {len(refused)} refused: {sorted(set(refused))}"
    yield "disk read-only under the server: those who come", told, not refused or _named(refused)
    again = stage.well_again()
    yield "disk read-only: it takes writes again", again or "nobody gets in", bool(again)
    stored = stage.sessions() - before
    yield "disk read-only: sessions, people who are in", f"{stored}, {let_in + 1}; sound", stored == let_in + 1
    yield from _others("disk read-only", bystander)


def started_read_only(stage: Stage, cookie: str) -> Iterator[Row]:
    answers = {stage.come() for _ in range(4)}
    yield "a server that starts on a read-only file: those who come", f"{sorted(answers)}", _named(sorted(answers))
    me = Browser(f"http://127.0.0.1:{stage.server.port}", "198.18.2.1")
    me.cookies["_token"] = cookie
    status = me.get(f"{me.base_url}/ui/auth/me")[0]
    yield "a server that starts on a read-only file: who was signed in before", str(status), status == 200
    yield "a server that starts on a read-only file: the log", stage.reasons(), "readonly" in stage.reasons()


def _named(refused: list[str]) -> bool:
    return bool(refused) and all(answer.endswith(REFUSED) for answer in refused)


def _others(fault: str, bystander: Bystander) -> Iterator[Row]:
    waits = [wait for each in bystander.waits.values() for wait in each]
    told = f"{bystander.errors} errors in {len(waits)} answers, slowest 1 % {percentile(waits, 0.99):.2f} s"
    yield f"{fault}: who is signed in meanwhile", told, not bystander.errors


def fill(file: Path) -> None:
    """Write until nothing more fits."""
    block = b"\0" * 4096
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as output:
        while output.write(block) == len(block):
            pass


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], capture_output=True, check=True)


def rows(folder: Path) -> Iterator[Row]:
    with small_disk(folder / "disk") as disk:
        home = OnDisk("ours", folder / "home", "")
        home.disk = disk
        with deployed(home, PEOPLE * 2):
            with running(home, "--proxy-headers") as server:
                early = Browser(f"http://127.0.0.1:{server.port}", "198.51.100.1")
                early.sign_in(subject_of(0), LOGIN)
                stage, cookie = Stage(home, server), early.cookies["_token"]
                for fault in (disk_full, disk_read_only):
                    say(fault.__name__)
                    with Bystander(server.port, f"_token={cookie}").asking() as bystander:
                        yield from fault(stage, bystander)
            (home.path / "api-server.log").unlink()
            say(started_read_only.__name__)
            with unchangeable(disk / "airflow.db"), running(home, "--proxy-headers") as server:
                yield from started_read_only(Stage(home, server, came=PEOPLE), cookie)


def main() -> int:
    if os.geteuid() or sys.platform != "linux":
        print("not measured: needs root on Linux, to mount a small disk")
        return 0
    fine = True
    print(f"{machine('sqlite')}\n\n| what | seen | fine |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="airflow-oidc-auth-sqlite-") as folder:
        for what, seen, good in rows(Path(folder)):
            print(f"| {what} | {seen} | {'yes' if good else 'NO'} |", flush=True)
            fine = fine and good
    return 0 if fine else 1


if __name__ == "__main__":
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "127.0.0.1")
    sys.exit(main())
