"""``python -m benchmarks [--quick] [--dags N] [--starts N] [--rounds N] [part…]``; see README.md."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.homes import DISTANCE, MANAGERS, Home
from benchmarks.postgres import postgres
from benchmarks.servers import load, running
from benchmarks.stage import line_of, machine, say
from benchmarks.table import Row, render

IN_PROCESS = ("token", "decisions", "lists", "menu")
PARTS = (*IN_PROCESS, "single-dags", "sign-in", "startup", "throughput", "slow-database", "directory")
# Who has such a thing; else everybody.
ONLY = {"single-dags": ("FAB-mode", "FAB"), "sign-in": ("ours", "FAB-mode", "FAB"), "directory": ("FAB-mode",)}
CROWD = {"users": 5000, "roles": 50, "permissions": 30_000}
ME = "/ui/auth/me"


def main() -> None:
    options = _parse()
    load_before = os.getloadavg()[2]
    rows: list[Row] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="airflow-oidc-auth-benchmarks-")))
        stub = stack.enter_context(line_of("benchmarks.stub"))
        database = stack.enter_context(postgres(folder)) if options.database == "postgresql" else None
        far = stack.enter_context(_further_away(database)) if database else None
        homes = [Home(name, folder / name, stub, database, far) for name in MANAGERS if name in options.managers]
        try:
            for part in _measure(homes, options):
                rows += part
        finally:
            # What was found by then is worth reading when a later part fails.
            _report(rows, options.database, load_before)


def _report(rows: list[Row], database: str, load_before: float) -> None:
    load = f"load {load_before:.1f} to {os.getloadavg()[2]:.1f}"
    print(f"\n{machine(database)}, {load}\n\n{render(rows)}\n")
    print("A vs B: how many times better A is (less time, more requests); memory as the difference.")


@contextlib.contextmanager
def _further_away(database: str) -> Iterator[str]:
    server, _, port = database.rpartition(":")
    with line_of("benchmarks.distance", port, str(DISTANCE)) as far_port:
        yield f"{server}:{far_port}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare auth managers in one run.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: minutes become one or two")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite", help="default: sqlite")
    parser.add_argument("--dags", type=int, help="DAGs in each database (10000; quick 2000)")
    parser.add_argument("--starts", type=int, help="server starts (10; quick 3)")
    parser.add_argument("--rounds", type=int, help="turns of everything else (3; quick 1)")
    parser.add_argument("--managers", nargs="+", choices=list(MANAGERS), default=list(MANAGERS))
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    options.parts = options.parts or list(PARTS)
    options.dags = options.dags or (2000 if options.quick else 10_000)
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.starts = options.starts or (3 if options.quick else 10)
    return options


def _measure(homes: list[Home], options: argparse.Namespace) -> Iterator[list[Row]]:
    for home in homes:
        say(f"preparing {home.manager}: migrated database, {options.dags} DAGs")
        home.prepare(options.dags)
        if home.manager in ONLY["single-dags"]:
            home.run("-m", "benchmarks.fill_fab", "role")
    for parts in (IN_PROCESS, ("single-dags",)):
        yield _in_process(homes, [part for part in parts if part in options.parts], options)
    if "sign-in" in options.parts:
        yield _in_process(homes, ["sign-in"], options, module="benchmarks.sign_in")
    if "startup" in options.parts:
        yield _startup(homes, options.starts)
    if "throughput" in options.parts:
        yield _throughput(homes, "", options, far=False)
    if "slow-database" in options.parts:
        yield _throughput(homes, ", database 1 ms away", options, far=True)
    if "directory" in options.parts:
        yield _directory(homes, quick=options.quick)


def _in_process(
    homes: list[Home], parts: list[str], options: argparse.Namespace, *, module: str = "benchmarks.worker"
) -> list[Row]:
    """Ask in turns, a process each time, so that a busy moment of the machine falls on everybody."""
    found: dict[str, dict[str, list[float]]] = {}
    rounds, flags = options.rounds, ["--quick"] if options.quick else []
    asked = [home for home in homes if parts and home.manager in ONLY.get(parts[0], MANAGERS)]
    for number in range(rounds):
        for home in asked:
            say(f"{' '.join(parts)}, round {number + 1} of {rounds}: {home.manager}")
            answer = home.ask(*parts, *flags, module=module)
            for measure, value in answer.items():
                found.setdefault(measure, {}).setdefault(home.manager, []).append(float(value))
    return [
        Row(measure, {name: median(each) for name, each in values.items()}, _unit(measure))
        for measure, values in found.items()
    ]


def _unit(measure: str) -> str:
    """Return the unit of what a process measured inside: a count says so."""
    if measure.endswith(("statements", "calls")):
        return ""
    return "MB" if measure.endswith("memory") else "s"


def _directory(homes: list[Home], *, quick: bool) -> list[Row]:
    """Watch a crowd in a database of its own: thirty thousand permissions would weigh on the other parts."""
    rows = []
    for home in (home for home in homes if home.manager in ONLY["directory"]):
        crowd = Home(home.manager, home.path.with_name("directory"), home.stub_url, home.database, home.far_database)
        sizes = [str(size // 5 if quick else size) for size in CROWD.values()]
        say(f"directory: a database of {' users, '.join(sizes[:2])} roles and {sizes[2]} permissions")
        crowd.prepare(1)
        crowd.run("-m", "benchmarks.fill_fab", "crowd", *sizes)
        found = crowd.ask(*(["--quick"] if quick else []), module="benchmarks.directory")
        rows += [Row(measure, {home.manager: float(value)}, _unit(measure)) for measure, value in found.items()]
    return rows


def _startup(homes: list[Home], starts: int) -> list[Row]:
    """Start in turns, as :func:`_in_process` asks in turns."""
    cookies = {home.manager: str(home.ask("mint")["cookie"]) for home in homes}
    seconds: dict[str, list[float]] = {home.manager: [] for home in homes}
    memory: dict[str, list[float]] = {home.manager: [] for home in homes}
    for number in range(starts):
        for home in homes:
            say(f"start {number + 1} of {starts}: {home.manager}")
            with running(home) as server:
                load(server, ME, cookies[home.manager], connections=2, seconds=0.5)
                seconds[home.manager].append(server.seconds)
                memory[home.manager].append(server.memory())
    return [
        Row("API server start-up", {name: median(times) for name, times in seconds.items()}),
        Row("API server memory (PSS)", {name: median(sizes) for name, sizes in memory.items()}, "MB"),
    ]


def _throughput(homes: list[Home], label: str, options: argparse.Namespace, *, far: bool) -> list[Row]:
    rounds, seconds = options.rounds, 3.0 if options.quick else 6.0
    found: dict[str, list[dict[str, float]]] = {home.manager: [] for home in homes}
    for number in range(rounds):
        for home in homes:
            say(f"throughput{label}, round {number + 1} of {rounds}: {home.manager}")
            cookie = str(home.ask("mint")["cookie"])
            with running(home, far=far) as server:
                found[home.manager].append(load(server, ME, cookie, connections=16, seconds=seconds))
    middle = {
        key: {name: median(run[key] for run in runs) for name, runs in found.items()}
        for key in ("per second", "median", "p99", "cpu")
    }
    return [
        Row(f"{ME}, 16 connections{label}", middle["per second"], "/s"),
        Row(f"{ME}, latency{label}", middle["median"]),
        Row(f"{ME}, slowest 1 %{label}", middle["p99"]),
        Row(f"{ME}, CPU per request{label}", middle["cpu"]),
    ]


if __name__ == "__main__":
    main()
