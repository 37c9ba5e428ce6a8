"""``python -m benchmarks.storm [--databases …] [--managers …] [--people N] [--seconds N]``: everybody signs in at once.

One real API server with one worker, its identity provider in a process of its own, and two hundred people, each with a
browser and an address of their own, who open a page within ten seconds and have to sign in first. Somebody who is
signed in already uses the UI meanwhile. The same storm meets stock FAB (``AUTH_OAUTH``) at the same identity provider.
The exit code is 1 where somebody of ours does not get in, or where people wait longer than with stock FAB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.databases import server_of
from benchmarks.homes import ROOT, Home
from benchmarks.limits import Limit, judge, ratio
from benchmarks.servers import READY, Server, ask_once, meanwhile, running
from benchmarks.sign_in import DOORS, FAB_OAUTH, OURS
from benchmarks.stage import line_of, machine, say
from benchmarks.storm_people import ME, Browser, NotIn, percentile, subject_of
from benchmarks.table import Row, render

MANAGERS = ("ours", "FAB-mode", "FAB")
SECRET = "x"  # what benchmarks.homes gives to a home with a document
PATIENCE = 60.0
DOCUMENT = """version: 1
providers:
  oidc: {{preset: oidc, issuer: "{issuer}", client_id: airflow, client_secret: {{env: SECRET}}}}
grants: {{rules: [{{when: {{group: lookers}}, roles: [Viewer]}}]}}
"""
"""Rate limits stay as they are by default: each person has an address."""


@dataclass
class Bystander:
    """Somebody who is signed in already and asks ten times a second.

    :ivar waits: seconds, by path
    :ivar errors: answers that were not 200
    """

    port: int
    cookie: str
    waits: dict[str, list[float]] = field(default_factory=lambda: {ME: [], READY: []})
    errors: int = 0

    @contextlib.contextmanager
    def asking(self) -> Iterator[Bystander]:
        with meanwhile(self._ask):
            yield self

    def _ask(self) -> None:
        for path, waits in self.waits.items():
            asked = time.perf_counter()
            self.errors += ask_once(self.port, path, patience=PATIENCE, cookie=self.cookie) != 200
            waits.append(time.perf_counter() - asked)


def main() -> int:
    options = _parse()
    limits: list[Limit] = []
    with tempfile.TemporaryDirectory(prefix="airflow-oidc-auth-storm-") as folder:
        for database in options.databases:
            found: dict[str, dict[str, float]] = {}
            with server_of(database, Path(folder)) as url:
                for manager in options.managers:
                    say(f"storm: {database}, {manager}")
                    found[manager] = storm(manager, Path(folder) / database / manager, url, options)
            print(f"\n{machine(database)}, {options.people} people in {options.seconds:g} s\n", flush=True)
            print(render(list(_rows(found))), flush=True)
            limits += _limits(database, found, options.people)
    print()
    return judge(limits)


def storm(manager: str, path: Path, database: str | None, options: argparse.Namespace) -> dict[str, float]:
    """Return what one API server makes of it."""
    # The name of the folder is that of the database, and must not be one that another run prepared.
    home = Home(manager, path.with_name(f"storm-{path.name}"), "", database)
    with deployed(home, options.people + 1), running(home, "--proxy-headers") as server:
        try:
            return _weather(server, options)
        except NotIn as error:
            tail = (home.path / "api-server.log").read_text(encoding="utf-8", errors="replace")[-3000:]
            raise SystemExit(f"{manager}: nobody gets in: {error}\n{tail}") from None


def _weather(server: Server, options: argparse.Namespace) -> dict[str, float]:
    base_url = f"http://127.0.0.1:{server.port}"
    early = Browser(base_url, "198.19.0.1")
    early.sign_in(subject_of(options.people))
    used, memory = server.cpu(), server.memory()
    cookie = f"_token={early.cookies['_token']}"
    with Bystander(server.port, cookie).asking() as bystander:
        found = _people(base_url, options.people, options.seconds)
    for what, times in found.pop("failures").items():
        say(f"  {times} x {what}")
    others = {f"others {path}": percentile(waits, 0.99) for path, waits in bystander.waits.items()}
    worst = max(max(waits) for waits in bystander.waits.values())
    return (
        found
        | others
        | {"others worst": worst, "others errors": float(bystander.errors)}
        | {"cpu": (server.cpu() - used) / options.people, "memory": server.memory() - memory}
    )


@contextlib.contextmanager
def deployed(home: Home, people: int, *, document: str = DOCUMENT) -> Iterator[str]:
    """Prepare a home whose people are at an identity provider of its own; yield the provider's issuer."""
    home.path.parent.mkdir(parents=True, exist_ok=True)
    doors = DOORS.get(home.manager, OURS)
    users = home.path.with_name(f"{home.path.name}-people.json")
    users.write_text(json.dumps([_person(number) for number in range(people)]), encoding="utf-8")
    redirect_uri = f"http://127.0.0.1:{home.port}{doors.callback}"
    options = ["--client-secret", SECRET, "--redirect-uri", redirect_uri, "--users", str(users)]
    with line_of("airflow_oidc_auth.testing", *options) as line:
        issuer = dict(part.split("=", 1) for part in line.split()[1:])["issuer"]
        if home.manager != "FAB":
            home.document = document.format(issuer=issuer)
        home.prepare(1)
        if home.manager == "FAB":
            metadata = f"{issuer}/.well-known/openid-configuration"
            text = FAB_OAUTH.format(client_id="airflow", client_secret=SECRET, metadata=metadata)
            (home.path / "webserver_config.py").write_text(text, encoding="utf-8")
        yield issuer


def _person(number: int) -> dict[str, object]:
    name = subject_of(number)
    return {"subject": name, "name": name.title(), "email": f"{name}@example.com", "groups": ["lookers"]}


def _people(base_url: str, people: int, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.storm_people", base_url, str(people), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout)


def _rows(found: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    kinds = {
        "people who got in": ("in", ""),
        "journey, median": ("journey p50", "s"),
        "journey, slowest 1 %": ("journey p99", "s"),
        "callback, median": ("callback p50", "s"),
        "callback, slowest 1 %": ("callback p99", "s"),
        "until the last one is in": ("took", "s"),
        f"others: {ME}, slowest 1 %": (f"others {ME}", "s"),
        f"others: {READY}, slowest 1 %": (f"others {READY}", "s"),
        "others: longest wait": ("others worst", "s"),
        "others: errors": ("others errors", ""),
        "CPU of the server for each person": ("cpu", "s"),
        "memory that stays": ("memory", "MB"),
    }
    for measure, (key, unit) in kinds.items():
        yield Row(measure, {name: run[key] for name, run in found.items() if key in run}, unit)


def _limits(database: str, found: Mapping[str, Mapping[str, float]], people: int) -> Iterator[Limit]:
    for name in ("ours", "FAB-mode"):
        if name not in found:
            continue
        run, theirs = found[name], found.get("FAB", {})
        yield Limit(f"{database}: {name}: people left outside", people - run["in"], most=0)
        yield Limit(f"{database}: {name}: errors that others saw", run["others errors"], most=0)
        for key in ("journey p99", f"others {ME}"):
            yield Limit(f"{database}: {name}'s {key} beside FAB's", ratio(run.get(key), theirs.get(key)), most=1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storm", description="Everybody signs in at once.")
    databases = ("sqlite", "postgresql")
    parser.add_argument("--databases", nargs="+", choices=databases, default=list(databases))
    parser.add_argument("--managers", nargs="+", choices=MANAGERS, default=list(MANAGERS))
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0, help="within which everybody begins (10)")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "127.0.0.1")
    sys.exit(main())
