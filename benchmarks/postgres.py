"""A PostgreSQL server of this run's own on 127.0.0.1, if its programs are installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.homes import free_port

USER = "airflow"


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Start a server with its data below ``folder``; yield its URL without a database name."""
    data, port = folder / "postgresql", free_port()
    data.mkdir()
    account = _account()
    if account:
        shutil.chown(data, account)
        folder.chmod(0o755)
    _run(
        account,
        "initdb",
        "--pgdata",
        str(data),
        "--username",
        USER,
        "--auth",
        "trust",
        "--encoding",
        "UTF8",
        "--no-sync",
    )
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c fsync=off"
    _run(account, "pg_ctl", "--pgdata", str(data), "--wait", "--log", str(data / "log"), "--options", options, "start")
    try:
        yield f"postgresql+psycopg2://{USER}@127.0.0.1:{port}"
    finally:
        _run(account, "pg_ctl", "--pgdata", str(data), "--mode", "fast", "--wait", "stop")


def _account() -> str | None:
    """Return whom to become: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    raise SystemExit("PostgreSQL does not run as root, and there is no user postgres")


def _run(account: str | None, program: str, *arguments: str) -> None:
    found = shutil.which(program) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))), None)
    if found is None:
        raise SystemExit(f"{program} is not installed; --database sqlite needs no server")
    become = ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"] if account else []
    done = subprocess.run([*become, found, *arguments], capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise SystemExit(f"{program}: {done.stderr[-1000:]}{done.stdout[-1000:]}")
