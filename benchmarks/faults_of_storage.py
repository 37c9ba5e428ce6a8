"""Faults of what is stored: nobody may write, no room is left, keys and tables change while people work."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import text

from benchmarks.rig import ADA, UMA, VICTOR, Browser, Rig
from benchmarks.watching import Finding, Watcher, shown, timed
from tests.conftest import FERNET_KEY
from tests.e2e.airflow_server import Airflow
from tests.e2e.processes import wait_until

SESSIONS = 6
OUTAGE = 20.0
SPACE = 96
"""MB of the disk that gets full."""

RESEALED = "values of sessions with the first key"
LEVEL = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}


def database_read_only(rig: Rig) -> Finding:
    """As after a failover to a replica."""
    token, before = rig.sign_in(ADA), rig.live()
    coming, leaving = Browser(rig), Browser(rig)
    url = coming.authenticate(UMA)
    leaving.come_back(leaving.authenticate(VICTOR))
    logs = Logs(rig)
    with Watcher(rig, token).watching() as watcher:
        _set(rig, "on")
        until = time.monotonic() + OUTAGE
        refused = timed(lambda: coming.come_back(url))
        left = timed(lambda: leaving.session.get(f"{rig.base_url}/auth/logout", timeout=60, allow_redirects=False))
        out = rig.statuses(leaving.cookie) if "_token" in leaving.session.cookies else "cookie gone"
        time.sleep(max(0.0, until - time.monotonic()))
        _set(rig, "off")
        again = _again(rig)
    return Finding(
        f"database read-only for {OUTAGE:.0f} s",
        f"signed in: {watcher.told()}; a sign-in: {refused}; a sign-out: {left}, then {out}; log: {logs.told()}",
        f"{max(0, before - rig.live())} sessions",
        again,
    )


def disk_full(rig: Rig) -> Finding:
    """Move Airflow's tables to a small disk, and fill it."""
    token = rig.sign_in(ADA)
    logs = Logs(rig)
    with _small_disk(rig) as disk, Watcher(rig, token).watching() as watcher:
        if disk is None:
            return Finding("disk of the database full", "not measured: needs root, to mount a small disk", "", "")
        before, ballast = rig.live(), disk / "ballast"
        _fill(ballast)
        answers = []
        for _ in range(80):  # what is free in the tables' pages is used up first
            browser = Browser(rig)
            answers.append(shown(browser.come_back(browser.authenticate(UMA))))
            if not answers[-1].startswith("303"):
                break
        meanwhile = rig.live() - before
        ballast.unlink()
        again = _again(rig)
    return Finding(
        "disk of the database full",
        f"signed in: {watcher.told()}; {len(answers) - 1} sign-ins find room in what the tables have, "
        f"then {answers[-1]}; log: {logs.told()}",
        f"{len(answers) - 1 - meanwhile} sessions of those that were let in",
        again,
    )


def fernet_key_rotated(rig: Rig) -> Finding:
    """One server after the other: the new key before the old one, then the new one alone."""
    rig.end_everybody()
    new = Fernet.generate_key().decode()
    tokens = [rig.sign_in(ADA) for _ in range(SESSIONS)]
    first, second = rig.ports
    logs = Logs(rig)
    _restart(rig, first, f"{new},{FERNET_KEY}")
    tokens.append(rig.sign_in(UMA, first))
    mixed = _recheck(rig)
    _restart(rig, second, f"{new},{FERNET_KEY}")
    wait_until(lambda: logs.count(RESEALED), "that a server encrypts anew", 60)
    done = rig.airflow.run("rotate-fernet-key", AIRFLOW__CORE__FERNET_KEY=f"{new},{FERNET_KEY}")
    assert done.returncode == 0, done.stderr[-2000:]
    for port in rig.ports:
        _restart(rig, port, new)
    alone = _recheck(rig)
    unread = logs.count("cannot be decrypted")
    kept = sum(rig.statuses(token) == (200, 200) for token in tokens)
    for port in rig.ports:
        _restart(rig, port, f"{FERNET_KEY},{new}")
    wait_until(lambda: not rig.failing(), "re-checks", 60)
    return Finding(
        "Fernet key rotated, one server after the other",
        f"{kept} of {len(tokens)} stay signed in; re-checked while one server has the old key alone: {mixed}; "
        f"after the old key is gone: {alone}; {unread} log lines of what cannot be decrypted",
        f"{len(tokens) - kept} sessions",
        "nobody signs in again",
    )


def tables_migrated(rig: Rig) -> Finding:
    """Take our tables some revisions back and forth again under running servers, with people at work."""
    token, before = rig.sign_in(ADA), rig.live()
    logs = Logs(rig)
    with Watcher(rig, token).watching() as watcher:
        revision = _revisions()[4]  # before token sessions: their columns are missed by whoever reads a session
        down = _run(rig, "oidc", "db", "downgrade", "--to-revision", revision, "--yes")
        time.sleep(5)
        older = _signs_in(rig)
        up = _run(rig, "db", "migrate")
        time.sleep(3)
        again = _again(rig)
    return Finding(
        f"tables taken back to {revision} and forth under running servers",
        f"signed in: {watcher.told()}; {down}; a sign-in on the older tables: {older}; {up}; log: {logs.told()}",
        f"{max(0, before - rig.live())} sessions",
        again,
    )


class Logs:
    """What the servers write meanwhile."""

    def __init__(self, rig: Rig) -> None:
        self._file = rig.airflow.home / "api-server.log"
        self._begun = self._file.stat().st_size

    def lines(self) -> list[str]:
        with self._file.open("rb") as file:
            file.seek(self._begun)
            return file.read().decode("utf-8", "replace").splitlines()

    def count(self, words: str) -> int:
        return sum(words in line for line in self.lines())

    def told(self) -> str:
        """Return how many errors and warnings, and what ours say first."""
        bad = [line for line in self.lines() if re.search(r"\[(error|warning)|\bERROR\b|\bWARNING\b", line)]
        ours = next((line for line in bad if "session_store" in line or "audit" in line), bad[0] if bad else "nothing")
        plain = re.sub(r"\x1b\[[0-9;]*m", "", ours)
        return f"{len(bad)} lines, such as `{plain[:220]}`"


def _set(rig: Rig, value: str) -> None:
    engine = rig.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER SYSTEM SET default_transaction_read_only = {value}"))
        connection.execute(text("SELECT pg_reload_conf()"))
    rig.engine.dispose()


@contextlib.contextmanager
def _small_disk(rig: Rig) -> Iterator[Path | None]:
    """Let all tables be on a disk of their own for a while; None where none can be mounted."""
    folder = Path(f"/tmp/oidc-auth-small-disk-{os.getpid()}")  # PostgreSQL's account must reach it
    folder.mkdir()
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    options = f"size={SPACE}m" + (f",uid={account.pw_uid},gid={account.pw_gid},mode=700" if account else "")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    try:
        if mounted.returncode:
            yield None
            return
        _admin(rig, f"CREATE TABLESPACE small LOCATION '{folder}'")
        _move(rig, "pg_default", "small")
        yield folder
        (folder / "ballast").unlink(missing_ok=True)
        _move(rig, "small", "pg_default")
        _admin(rig, "DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", folder], capture_output=True, check=False)
        folder.rmdir()


def _move(rig: Rig, one: str, other: str) -> None:
    for what in ("TABLE", "INDEX"):
        _admin(rig, f"ALTER {what} ALL IN TABLESPACE {one} SET TABLESPACE {other}")


def _admin(rig: Rig, statement: str) -> None:
    with rig.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(statement))


def _fill(file: Path) -> None:
    """Write until nothing more fits."""
    block = b"\0" * 4096
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as output:
        while output.write(block) == len(block):
            pass


def _restart(rig: Rig, port: int, keys: str) -> None:
    rig.kill(port)
    rig.launch(port, AIRFLOW__CORE__FERNET_KEY=keys, **LEVEL)
    rig.wait_for(port)
    time.sleep(11)  # nginx leaves it alone for so long


def _recheck(rig: Rig) -> str:
    """Let every session be due; return how many were confirmed within half a minute."""
    checked, due = int(time.time()), rig.make_due()
    query = "SELECT count(*) FROM oidc_auth_session WHERE ended_at IS NULL AND checked_at >= :checked"

    def confirmed() -> int:
        return rig.rows(query, checked=checked)[0][0]

    with contextlib.suppress(AssertionError):
        wait_until(lambda: confirmed() == due, "re-checks", 30)
    return f"{confirmed()} of {due} confirmed"


def _signs_in(rig: Rig) -> str:
    browser = Browser(rig)
    begun = browser.begin()
    if begun.status_code >= 400:
        return shown(begun)
    return shown(browser.come_back(browser.authenticate(UMA)))


def _again(rig: Rig) -> str:
    """Return how long it takes until somebody signs in."""
    begun = time.monotonic()
    wait_until(lambda: _signs_in(rig).startswith("303"), "a sign-in", 60, 0.5)
    return f"sign-in after {time.monotonic() - begun:.1f} s"


def _run(rig: Rig, *arguments: str) -> str:
    airflow: Airflow = rig.airflow
    done = airflow.run(*arguments)
    last = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()[-1:]
    return f"`{' '.join(arguments[:3])}` {'works' if done.returncode == 0 else f'fails: {last}'}"


def _revisions() -> list[str]:
    folder = Path(__file__).parents[1] / "airflow_oidc_auth" / "sessions" / "migrations" / "versions"
    texts = (file.read_text(encoding="utf-8") for file in sorted(folder.glob("0*.py")))
    return [found[1] for each in texts if (found := re.search(r'^revision = "(\w+)"', each, re.MULTILINE))]
