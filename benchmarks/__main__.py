"""``python -m benchmarks [--quick] [--dags N] [--starts N] [part…]``; see README.md."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.homes import MANAGERS, ROOT, Home
from benchmarks.servers import load, running
from benchmarks.table import Row, render

IN_PROCESS = ("token", "decisions", "lists", "menu")
PARTS = (*IN_PROCESS, "startup", "throughput", "slow-database")
ME = "/ui/auth/me"
DELAY = 0.001


def main() -> None:
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="airflow-oidc-auth-benchmarks-") as folder:
        stub = subprocess.Popen([sys.executable, "-m", "benchmarks.stub"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            url = (stub.stdout.readline() if stub.stdout else "").strip()
            homes = [Home(name, Path(folder) / name, url) for name in MANAGERS if name in options.managers]
            rows = _measure(homes, options)
        finally:
            stub.terminate()
            stub.wait()
    print(f"\n{_machine()}\n\n{render(rows)}\n")
    print("× NAME: how many times better ours is (less time, more requests); memory as the difference.")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare auth managers in one run.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: minutes become one or two")
    parser.add_argument("--dags", type=int, help="DAGs in each database (10000; quick 2000)")
    parser.add_argument("--starts", type=int, help="server starts (10; quick 3)")
    parser.add_argument("--managers", nargs="+", choices=list(MANAGERS), default=list(MANAGERS))
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    options.parts = options.parts or list(PARTS)
    options.dags = options.dags or (2000 if options.quick else 10_000)
    options.starts = options.starts or (3 if options.quick else 10)
    return options


def _measure(homes: list[Home], options: argparse.Namespace) -> list[Row]:
    for home in homes:
        _say(f"preparing {home.manager}: migrated database, {options.dags} DAGs")
        home.prepare(options.dags)
    rows: list[Row] = []
    for part in (part for part in IN_PROCESS if part in options.parts):
        rows += _in_process(homes, part, quick=options.quick)
    if "startup" in options.parts:
        rows += _startup(homes, options.starts)
    if "throughput" in options.parts:
        rows += _throughput(homes, "", quick=options.quick, delay=0.0)
    if "slow-database" in options.parts:
        rows += _throughput(homes, ", database 1 ms away", quick=options.quick, delay=DELAY)
    return rows


def _in_process(homes: list[Home], part: str, *, quick: bool) -> list[Row]:
    found: dict[str, dict[str, float]] = {}
    for home in homes:
        _say(f"{part}: {home.manager}")
        for measure, seconds in home.ask(part, *(["--quick"] if quick else [])).items():
            found.setdefault(measure, {})[home.manager] = float(seconds)
    return [Row(measure, values) for measure, values in found.items()]


def _startup(homes: list[Home], starts: int) -> list[Row]:
    """Start in turns, so that a busy moment of the machine falls on everybody."""
    cookies = {home.manager: str(home.ask("mint")["cookie"]) for home in homes}
    seconds: dict[str, list[float]] = {home.manager: [] for home in homes}
    memory: dict[str, list[float]] = {home.manager: [] for home in homes}
    for number in range(starts):
        for home in homes:
            _say(f"start {number + 1} of {starts}: {home.manager}")
            with running(home) as server:
                load(server, ME, cookies[home.manager], connections=2, seconds=0.5)
                seconds[home.manager].append(server.seconds)
                memory[home.manager].append(server.memory())
    return [
        Row("API server start-up", {name: median(times) for name, times in seconds.items()}),
        Row("API server memory (PSS)", {name: median(sizes) for name, sizes in memory.items()}, "MB"),
    ]


def _throughput(homes: list[Home], label: str, *, quick: bool, delay: float) -> list[Row]:
    rounds, seconds = (1, 3.0) if quick else (3, 6.0)
    found: dict[str, list[dict[str, float]]] = {home.manager: [] for home in homes}
    for number in range(rounds):
        for home in homes:
            _say(f"throughput{label}, round {number + 1} of {rounds}: {home.manager}")
            cookie = str(home.ask("mint")["cookie"])
            with running(home, delay=delay) as server:
                found[home.manager].append(load(server, ME, cookie, connections=16, seconds=seconds))
    middle = {
        key: {name: median(run[key] for run in runs) for name, runs in found.items()}
        for key in ("per second", "median", "p99")
    }
    return [
        Row(f"{ME}, 16 connections{label}", middle["per second"], "/s"),
        Row(f"{ME}, latency{label}", middle["median"]),
        Row(f"{ME}, slowest 1 %{label}", middle["p99"]),
    ]


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} CPUs, {memory:.0f} GB, Python {sys.version.split()[0]}, SQLite"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
