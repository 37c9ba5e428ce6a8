#!/usr/bin/env python3
"""Run a real Airflow with single sign-on and demo users on this machine: ``python3 scripts/demo.py``.

Installs what is needed into ``.venv``, keeps everything else in ``.demo``, and stops all of it on Ctrl-C.
"""

from __future__ import annotations

import argparse
import base64
import configparser
import contextlib
import fcntl
import http.client
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from console import Step, Stop, box
from environment import ROOT, environment
from processes import Children, end_leftovers, free_port, is_taken

DEMO = Path(os.environ.get("AIRFLOW_OIDC_AUTH_DEMO_FOLDER", ROOT / ".demo")).resolve()
DAGS = ROOT / "examples" / "demo" / "dags"
CLIENT_ID = "airflow-demo"
START_SECONDS = 300
RESTARTS = 5
ROLE_MAPPING = {
    "airflow-admins": "Admin",
    "airflow-ops": "Op",
    "airflow-users": "User",
    "airflow-viewers": "Viewer",
}
USERS = [
    {"subject": "5d3a-0001", "name": "Ada Admin", "email": "ada@example.com", "groups": ["airflow-admins"]},
    {"subject": "5d3a-0002", "name": "Oskar Operator", "email": "oskar@example.com", "groups": ["airflow-ops"]},
    {"subject": "5d3a-0003", "name": "Uma User", "email": "uma@example.com", "groups": ["airflow-users"]},
    {"subject": "5d3a-0004", "name": "Victor Viewer", "email": "victor@example.com", "groups": ["airflow-viewers"]},
    {"subject": "5d3a-0005", "name": "Nora Nobody", "email": "nora@example.com", "groups": ["canteen"]},
]


@dataclass(frozen=True)
class Ports:
    """Where the demo listens, all on loopback."""

    airflow: int
    idp: int
    task_logs: int
    trigger_logs: int

    @property
    def url(self) -> str:
        """Return the address for the browser."""
        return f"http://localhost:{self.airflow}"

    @property
    def issuer(self) -> str:
        """Return the identity provider's name."""
        return f"http://127.0.0.1:{self.idp}"


PREFERRED_PORTS = Ports(airflow=8080, idp=9400, task_logs=8793, trigger_logs=8794)


def main() -> int:
    """Run the demo until Ctrl-C; return the exit code."""
    options = _arguments()
    try:
        return _stop_other() if options.stop else _run(options)
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr, flush=True)
        return stop.code
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo.py", description=__doc__)
    parser.add_argument("--port", type=int, help="port of Airflow (default: 8080, or the next free one)")
    parser.add_argument("--reset", action="store_true", help="forget the earlier demo's database first")
    parser.add_argument("--once", action="store_true", help="start, check that all is healthy, stop (for tests)")
    parser.add_argument("--stop", action="store_true", help="stop a demo that runs elsewhere")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> int:
    DEMO.mkdir(parents=True, exist_ok=True)
    with _only_one():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.default_int_handler)
        print("airflow-oidc-auth demo", flush=True)
        if ended := end_leftovers(DEMO):
            print(f"  ✔ Ended {ended} servers that an earlier run had left behind", flush=True)
        if options.reset:
            _forget()
        _check_port(options.port)
        python = environment(".venv", "demo.txt", minimum=(3, 10))
        environ = _environ(python)
        _configure(PREFERRED_PORTS)
        _migrate(python, environ)
        return _serve_somewhere(python, environ, options)


def _serve_somewhere(python: Path, environ: Mapping[str, str], options: argparse.Namespace) -> int:
    """Choose ports and serve there. A port that was free when it was chosen may be gone when its server is ready."""
    for chances in (2, 1, 0):
        ports = _ports(options.port)
        _configure(ports)
        try:
            return _serve(python, ports, environ, once=options.once)
        except Stop as stop:
            if not chances or options.port or "address already in use" not in str(stop).lower():
                raise
            print("  ! Somebody took a port just before; trying again with others", flush=True)
    raise AssertionError("the last chance returns or raises")


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Hold the demo folder. The kernel lets go when this process dies, however it dies."""
    with (DEMO / "lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            running = _running()
            text = running.get("box") or "It is still starting."
            raise Stop(f"The demo is already running (pid {running.get('pid', 'unknown')}).\n{text}", code=0) from None
        _note({"pid": os.getpid()})
        yield


def _running() -> dict[str, str]:
    try:
        return dict(json.loads((DEMO / "running.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _note(facts: Mapping[str, object]) -> None:
    (DEMO / "running.json").write_text(json.dumps(facts), encoding="utf-8")


def _stop_other() -> int:
    DEMO.mkdir(parents=True, exist_ok=True)
    try:
        with _only_one():
            print("No demo is running.")
            return 0
    except Stop:
        os.kill(int(_running()["pid"]), signal.SIGTERM)
        print("Told the demo to stop.")
        return 0


def _forget() -> None:
    for path in DEMO.iterdir():
        if path.name not in {"lock", "running.json"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _check_port(wanted: int | None) -> None:
    if wanted and is_taken(wanted):
        raise Stop(f"Port {wanted} is in use. Choose another with --port, or leave --port away.")


def _ports(wanted: int | None) -> Ports:
    _check_port(wanted)
    usual = PREFERRED_PORTS
    airflow = wanted or free_port(usual.airflow)
    if not wanted and airflow != usual.airflow:
        print(f"  ! Port {usual.airflow} is in use; Airflow takes {airflow}", flush=True)
    idp = free_port(usual.idp, [airflow])
    task_logs = free_port(usual.task_logs, [airflow, idp])
    return Ports(airflow, idp, task_logs, free_port(task_logs + 1, [airflow, idp]))


def _configure(ports: Ports) -> None:
    """Write the airflow.cfg of the demo. The ``oidc_auth`` section is all that single sign-on needs."""
    keys = _keys()
    config = configparser.ConfigParser(interpolation=None)
    config.read_dict(
        {
            "core": {
                "auth_manager": "airflow_oidc_auth.OidcAuthManager",
                "executor": "LocalExecutor",
                "parallelism": "4",
                "dags_folder": str(DAGS),
                "load_examples": "False",
                "dags_are_paused_at_creation": "False",
                "fernet_key": keys["fernet"],
                "execution_api_server_url": f"http://127.0.0.1:{ports.airflow}/execution/",
            },
            "oidc_auth": {
                "preset": "oidc",
                "issuer": ports.issuer,
                "client_id": CLIENT_ID,
                "client_secret": keys["client"],
                "role_mapping": json.dumps(ROLE_MAPPING),
            },
            "api": {
                "base_url": ports.url,
                "host": "127.0.0.1",
                "port": str(ports.airflow),
                "workers": "1",
                "secret_key": keys["api"],
            },
            "api_auth": {"jwt_secret": keys["jwt"]},
            "database": {"sql_alchemy_conn": f"sqlite:///{DEMO / 'airflow.db'}"},
            "dag_processor": {"refresh_interval": "30"},
            "logging": {
                "base_log_folder": str(DEMO / "logs" / "tasks"),
                "worker_log_server_port": str(ports.task_logs),
                "trigger_log_server_port": str(ports.trigger_logs),
            },
            "usage_data_collection": {"enabled": "False"},
        }
    )
    path = DEMO / "airflow.cfg"
    with path.open("w", encoding="utf-8") as handle:
        path.chmod(0o600)
        # Airflow interpolates what it reads; a percent sign in a path or key stays one.
        _escaped(config).write(handle)
    (DEMO / "users.json").write_text(json.dumps(USERS), encoding="utf-8")


def _escaped(config: configparser.ConfigParser) -> configparser.ConfigParser:
    escaped = configparser.ConfigParser(interpolation=None)
    escaped.read_dict(
        {name: {key: value.replace("%", "%%") for key, value in config[name].items()} for name in config.sections()}
    )
    return escaped


def _keys() -> dict[str, str]:
    """Return the demo's keys: made once, so that a restart signs nobody out."""
    path = DEMO / "keys.json"
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(path.read_text(encoding="utf-8")))
    keys = {name: secrets.token_urlsafe(48) for name in ("api", "client", "jwt")}
    keys["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    path.touch(mode=0o600)
    path.write_text(json.dumps(keys), encoding="utf-8")
    return keys


def _environ(python: Path) -> dict[str, str]:
    """Return this process's environment without any other Airflow's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "AIRFLOW__"))}
    path = f"{python.parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {
        "AIRFLOW_HOME": str(DEMO),
        "PATH": path,
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
        # macOS: forked task processes ask for proxies, which crashes there.
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
    }


def _migrate(python: Path, environ: Mapping[str, str]) -> None:
    """Create or upgrade the database. One that an interrupted run left half made is thrown away."""
    done = DEMO / "database-ready"
    if not done.exists():
        for path in DEMO.glob("airflow.db*"):
            path.unlink()
    done.unlink(missing_ok=True)
    with Step("Preparing the database"):
        log = DEMO / "logs" / "migrate.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as handle:
            command = [python, "-m", "airflow", "db", "migrate"]
            code = subprocess.run(command, env=environ, stdout=handle, stderr=handle, check=False).returncode
        if code != 0:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
            raise Stop(f"airflow db migrate failed; --reset starts from nothing. Its last lines:\n\n{tail}")
    done.touch()


def _serve(python: Path, ports: Ports, environ: Mapping[str, str], *, once: bool) -> int:
    children = Children(DEMO / "logs", environ)
    try:
        with Step("Starting the identity provider and Airflow (api-server, scheduler, dag-processor)"):
            _start(children, python, ports)
            _wait_until_healthy(children, ports)
        summary = _summary(ports)
        _note({"pid": os.getpid(), "box": summary})
        print(f"\n{summary}\n", flush=True)
        while not once:
            time.sleep(1)
            children.check()
    except KeyboardInterrupt:
        print(flush=True)
    finally:
        with Step("Stopping"):
            children.stop()
    return 0


def _start(children: Children, python: Path, ports: Ports) -> None:
    idp = ["--port", str(ports.idp), "--client-id", CLIENT_ID, f"--client-secret={_keys()['client']}"]
    idp += ["--redirect-uri", f"{ports.url}/auth/callback/oidc", "--users", str(DEMO / "users.json")]
    children.start("identity-provider", [python, "-m", "airflow_oidc_auth.testing", *idp])
    for name in ("api-server", "scheduler", "dag-processor"):
        # LocalExecutor takes the scheduler down with a task whose API server refused it, as after a crash.
        restarts = RESTARTS if name == "scheduler" else 0
        # Its server of task logs would listen on every address of the machine; the API server reads the files.
        alone = ["--skip-serve-logs"] if name == "scheduler" else []
        children.start(name, [python, "-m", "airflow", name, *alone], restarts=restarts)


def _wait_until_healthy(children: Children, ports: Ports) -> None:
    limit = time.monotonic() + START_SECONDS
    while not (_healthy(ports) and _dags_are_there()):
        children.check()
        if time.monotonic() > limit:
            raise Stop(f"Airflow did not become healthy within {START_SECONDS} s. The logs are in {DEMO / 'logs'}.")
        time.sleep(0.5)


def _healthy(ports: Ports) -> bool:
    health = _get_json(f"http://127.0.0.1:{ports.airflow}/api/v2/monitor/health")
    parts = [health.get(name) for name in ("metadatabase", "scheduler", "dag_processor")]
    airflow = all(isinstance(part, dict) and part.get("status") == "healthy" for part in parts)
    return airflow and _sends_to(ports.issuer, ports.airflow)


def _sends_to(issuer: str, port: int) -> bool:
    """Tell whether our Airflow listens there: another one that took the port before is as healthy, and not ours."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/auth/login")
        return (connection.getresponse().getheader("Location") or "").startswith(f"{issuer}/")
    return False


def _get_json(url: str) -> dict[str, object]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return dict(json.load(answer))
    except (OSError, ValueError):
        return {}


def _dags_are_there() -> bool:
    """An empty list is a poor welcome: wait until the DAG processor has read the examples."""
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(DEMO / "airflow.db", timeout=5)) as database,
    ):
        return bool(database.execute("SELECT COUNT(*) >= 5 FROM dag").fetchone()[0])
    return False


def _summary(ports: Ports) -> str:
    """Return the address and who can sign in, framed."""
    lines = [f"Airflow is ready:  {ports.url}", "", "Choose whom to sign in as; there are no passwords:"]
    for user in USERS:
        roles = [ROLE_MAPPING[group] for group in user["groups"] if group in ROLE_MAPPING]
        becomes = f"becomes {roles[0]}" if roles else "is refused: no rule knows this group"
        lines.append(f"  {user['name']:<15} in {user['groups'][0]:<16} {becomes}")
    lines += [
        "",
        f"Identity provider:  {ports.issuer}",
        f"Configuration:      {_short(DEMO / 'airflow.cfg')}",
        f"Logs:               {_short(DEMO / 'logs')}",
    ]
    lines += ["", "Ctrl-C stops everything."]
    return box(lines)


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if ROOT in path.parents else path


if __name__ == "__main__":
    sys.exit(main())
