"""Real database servers for the tests: on a free port, as an unprivileged user, gone when the tests are gone."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import Signals

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

START_SECONDS = 30.0
# The databases' own defaults fold case and know three bytes per character: our tables must not depend on them.
MARIADB_DEFAULTS = "CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci"


def find_program(*names: str) -> Path | None:
    """Return the first program that is installed, looking where Debian hides servers, too."""
    postgresql = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = os.pathsep.join([*map(str, postgresql), "/usr/sbin", os.environ.get("PATH", "")])
    for name in names:
        if found := shutil.which(name, path=places):
            return Path(found)
    return None


def free_port() -> int:
    """Return a TCP port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _unprivileged(*, dies_with_us: Signals | None = None) -> list[str]:
    """Return the command prefix: PostgreSQL and MariaDB refuse to be root, and must not outlive a killed test run."""
    prefix = ["setpriv"]
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        prefix += [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    if dies_with_us is not None:
        prefix += ["--pdeathsig", dies_with_us.name.removeprefix("SIG")]
    return prefix


def remove_stale_directories() -> None:
    """Remove the data of test runs that were killed."""
    for directory in Path(tempfile.gettempdir()).glob("oidc-auth-server-*"):
        pid = directory.name.split("-")[3]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _data_directory(name: str) -> Iterator[Path]:
    remove_stale_directories()
    directory = Path(tempfile.mkdtemp(prefix=f"oidc-auth-server-{os.getpid()}-{name}-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "nobody")
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _running(command: Sequence[str | Path], directory: Path, url: str, stop_signal: Signals) -> Iterator[str]:
    with (directory / "server.log").open("wb") as output:
        server = subprocess.Popen(
            [*_unprivileged(dies_with_us=stop_signal), *command], cwd=directory, stdout=output, stderr=output
        )
    try:
        _wait_until_it_answers(url, server, directory / "server.log")
        yield url
    finally:
        server.send_signal(stop_signal)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    engine = create_engine(url)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with engine.connect() as connection:
                    connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the database server does not start: {log.read_text()[-2000:]}") from None
                time.sleep(0.1)
            else:
                return
    finally:
        engine.dispose()


@contextmanager
def postgresql() -> Iterator[str | None]:
    """Yield the URL of a PostgreSQL server, or None where it is not installed."""
    initdb, postgres = find_program("initdb"), find_program("postgres")
    if initdb is None or postgres is None:
        yield None
        return
    with _data_directory("postgresql") as directory:
        data, port = directory / "data", free_port()
        options = ["-D", str(data), "-U", "airflow", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        _prepare([initdb, *options], directory)
        settings = [
            "-c",
            f"port={port}",
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={directory}",
        ]
        command = [postgres, "-D", data, *settings, "-c", "fsync=off"]
        url = f"postgresql+psycopg2://airflow@127.0.0.1:{port}/postgres"
        with _running(command, directory, url, Signals.SIGINT) as running:  # PostgreSQL's fast shutdown
            yield running


@contextmanager
def mariadb() -> Iterator[str | None]:
    """Yield the URL of a MariaDB server, or None where it is not installed."""
    install, server = find_program("mariadb-install-db", "mysql_install_db"), find_program("mariadbd")
    if install is None or server is None:
        yield None
        return
    with _data_directory("mariadb") as directory:
        data, port = directory / "data", free_port()
        options = ["--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        _prepare([install, *options], directory)
        place = [f"--datadir={data}", f"--socket={directory}/s", f"--pid-file={directory}/pid"]
        address = [f"--port={port}", "--bind-address=127.0.0.1"]
        command = [server, "--no-defaults", *place, *address, "--innodb-flush-log-at-trx-commit=0"]
        url = f"mysql+pymysql://root@127.0.0.1:{port}"
        with _running(command, directory, f"{url}/mysql", Signals.SIGTERM):
            _create_mariadb_database(url)
            yield f"{url}/airflow?charset=utf8mb4"


def _prepare(command: Sequence[str | Path], directory: Path) -> None:
    done = subprocess.run(
        [*_unprivileged(), *command], cwd=directory, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")


def _create_mariadb_database(url: str) -> None:
    engine = create_engine(f"{url}/mysql")
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE DATABASE airflow {MARIADB_DEFAULTS}"))
    finally:
        engine.dispose()
