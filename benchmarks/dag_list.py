"""``python -m benchmarks.dag_list [--databases …] [--managers …] [--dags N] [--rounds N] [--seconds N] [--quick]``.

``GET /api/v2/dags?limit=50`` on real API servers with many DAGs, 16 connections at once, for one who may read every DAG
and for one who may read two hundred. Prints a table for each database, judges the ratios and ends with 1 where one is
not what it should be.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.databases import DATABASES, server_of
from benchmarks.homes import MANAGERS, Home
from benchmarks.limits import Limit, judge, ratio
from benchmarks.organisation import document
from benchmarks.servers import patient_load, running
from benchmarks.stage import line_of, machine, say
from benchmarks.table import Row, render

DAGS = "/api/v2/dags?limit=50"
CONNECTIONS = 16
PATIENCE = 120.0
PEOPLE = {"every DAG": (), "200 DAGs": ("single-dags",)}
"""What somebody may read, and how the worker is told to sign that person in."""

SINGLE = ("ours", "FAB-mode", "FAB")
"""Who can open DAGs one by one without a call over the network for each."""

FASTER_FOR_ALL, FASTER_FOR_FEW, NOT_SLOWER = 10.0, 1.5, 0.95
"""Times the peers' throughput; the last one leaves room for noise."""


def main() -> int:
    options = _parse()
    limits: list[Limit] = []
    for database, homes in each_database(options):
        found = {person: _measure(homes, person, options) for person in PEOPLE}
        print(f"\n{machine(database)}, {options.dags:,} DAGs, load {os.getloadavg()[1]:.1f}\n")
        print(render([row for person in PEOPLE for row in _rows(person, found[person])]), flush=True)
        limits += _limits(database, found)
    print()
    return judge(limits)


def each_database(options: argparse.Namespace) -> Iterator[tuple[str, list[Home]]]:
    """Yield each database that is asked for, and the homes of the managers on it, while its server runs."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="airflow-oidc-auth-benchmarks-")))
        stub = stack.enter_context(line_of("benchmarks.stub"))
        for database in options.databases:
            with server_of(database, folder) as server:
                yield database, prepared(folder / database, stub, server, options.managers, options.dags)


def prepared(folder: Path, stub: str, server: str | None, managers: Sequence[str], dags: int) -> list[Home]:
    """Return homes with migrated and filled databases, and the roles of two hundred DAGs."""
    homes = []
    for name in managers:
        say(f"preparing {folder.name}, {name}: migrated database, {dags} DAGs")
        home = Home(
            name,
            folder / name,
            stub,
            server,
            document=document(f"{stub}/realms/r") if name == "ours" else None,
        )
        home.prepare(dags)
        if name in {"FAB", "FAB-mode"}:
            home.run("-m", "benchmarks.fill_fab", "role")
        homes.append(home)
    return homes


def _measure(homes: Sequence[Home], person: str, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Ask in turns; return throughput, latency and errors by manager."""
    asked = [home for home in homes if not PEOPLE[person] or home.manager in SINGLE]
    found: dict[str, list[Mapping[str, Any]]] = {home.manager: [] for home in asked}
    for number in range(options.rounds):
        for home in asked:
            say(f"{person}, round {number + 1} of {options.rounds}: {home.path.parent.name}, {home.manager}")
            cookie = str(home.ask("mint", *PEOPLE[person])["cookie"])
            with running(home) as server:
                load = patient_load(
                    server, DAGS, cookie, connections=CONNECTIONS, seconds=options.seconds, patience=PATIENCE
                )
            say(f"answers by status: {load['statuses']}; {load['unanswered']} not answered; crashed: {load['crashed']}")
            found[home.manager].append(load)
    return {name: _middle(runs) for name, runs in found.items()}


def _middle(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    errors = sum(count for run in runs for status, count in run["statuses"].items() if status != "200")
    errors += sum(run["unanswered"] for run in runs)
    middle = {key: median([run[key] for run in runs if run[key]] or [0.0]) for key in ("per second", "median", "cpu")}
    return middle | {"errors": float(errors), "crashed": float(sum(run["crashed"] for run in runs))}


def _rows(person: str, found: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    kinds = {"": ("per second", "/s"), ", latency": ("median", "s"), ", CPU per request": ("cpu", "s")}
    counts = {", errors": ("errors", ""), ", servers that crashed": ("crashed", "")}
    for label, (key, unit) in (kinds | counts).items():
        yield Row(f"{person}: {DAGS}{label}", {name: run[key] for name, run in found.items()}, unit)


def _limits(database: str, found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[Limit]:
    for person, by_manager in found.items():
        ours = by_manager.get("ours", {}).get("per second")
        for peer in (name for name in ("Simple", "FAB") if name in by_manager):
            least = NOT_SLOWER if database != "postgresql" else FASTER_FOR_FEW if PEOPLE[person] else FASTER_FOR_ALL
            says = f"{database}, {person}: throughput beside {peer}"
            yield Limit(says, ratio(ours, by_manager[peer]["per second"]), least=least)
        if "ours" in by_manager:
            yield Limit(f"{database}, {person}: errors of ours", by_manager["ours"]["errors"], most=0)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dag_list", description="Compare the list of DAGs.")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--managers", nargs="+", choices=list(MANAGERS), default=["ours", "Simple", "FAB", "Keycloak"])
    parser.add_argument("--dags", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=25.0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
