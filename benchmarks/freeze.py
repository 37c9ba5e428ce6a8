"""``python -m benchmarks.freeze [--databases …] [--managers …] [--dags N] [--seconds N]``: does the API server freeze?

32 connections ask for the list of DAGs for six seconds; meanwhile and afterwards somebody asks ten times a second for
``/api/v2/version``, which needs neither rights nor database. How long that takes, and which answers are errors, is
printed for each manager; the exit code is 1 where ours answers an error, or waits as the peers do.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.dag_list import DAGS, each_database
from benchmarks.databases import DATABASES
from benchmarks.homes import MANAGERS, Home
from benchmarks.limits import Limit, judge, ratio
from benchmarks.servers import READY, ask_once, meanwhile, patient_load, running
from benchmarks.stage import machine, say
from benchmarks.table import Row, render

CONNECTIONS = 32
PATIENCE = 150.0
"""Seconds after which a server that says nothing counts as frozen for good."""

QUIET, QUICK = 5.0, 1.0
"""It is well again when every question of the last five seconds was answered within a second."""

WANTED = 2.0
"""Seconds that nobody should wait for the version; reported, because machines differ."""

TRIES = 5
"""How often a server is started whose process ends by itself."""

SHORTER = 5.0
"""Times shorter than the peers' is what our longest wait must be."""


@dataclass
class Probe:
    """Somebody who asks for the version again and again.

    :ivar answers: when it was asked, seconds it took, HTTP status or 0; the clock is :func:`time.monotonic`
    """

    port: int
    answers: list[tuple[float, float, int]] = field(default_factory=list)

    @contextlib.contextmanager
    def asking(self) -> Iterator[Probe]:
        with meanwhile(self._ask):
            yield self

    def _ask(self) -> None:
        asked = time.monotonic()
        status = ask_once(self.port, READY, patience=PATIENCE)
        self.answers.append((asked, time.monotonic() - asked, status))

    def wait_until_well(self, since: float) -> None:
        """Return when the server is well again, or has been unwell for too long."""
        while time.monotonic() < since + PATIENCE:
            now = time.monotonic()
            last = [took for asked, took, _ in list(self.answers) if asked + took > now - QUIET]
            if now > since + QUIET and last and max(last) < QUICK:
                return
            time.sleep(0.1)

    def worst(self, begin: float, end: float) -> float:
        """Return the longest that anybody waited within the given time."""
        waits = [min(asked + took, end) - max(asked, begin) for asked, took, _ in self.answers]
        return max([0.0, *waits])


def main() -> int:
    options = _parse()
    limits: list[Limit] = []
    for database, homes in each_database(options):
        found = {home.manager: freeze(home, options.seconds) for home in homes}
        print(f"\n{machine(database)}, {options.dags:,} DAGs, load {os.getloadavg()[1]:.1f}\n")
        print(render(list(_rows(found))), flush=True)
        limits += _limits(database, found)
    print()
    return judge(limits)


def freeze(home: Home, seconds: float) -> dict[str, float]:
    """Return what one API server makes of it; one that crashes is started again, and counted."""
    crashes = 0.0
    for _ in range(TRIES):
        found = _freeze(home, seconds)
        if not found["crashed"]:
            break
        crashes += 1
    return found | {"crashed": crashes}


def _freeze(home: Home, seconds: float) -> dict[str, float]:
    say(f"freeze: {home.path.parent.name}, {home.manager}")
    cookie = str(home.ask("mint")["cookie"])
    with running(home) as server, Probe(server.port).asking() as probe:
        load = patient_load(server, DAGS, cookie, connections=CONNECTIONS, seconds=seconds, patience=PATIENCE)
        probe.wait_until_well(load["ended"])
    errors = sum(count for status, count in load["statuses"].items() if status != "200")
    return {
        "during": probe.worst(load["began"], load["ended"]),
        "after": probe.worst(load["ended"], load["ended"] + PATIENCE),
        "worst": max((took for asked, took, _ in probe.answers if asked >= load["began"]), default=PATIENCE),
        "errors": float(errors + sum(status != 200 for _, _, status in probe.answers)),
        "unanswered": float(load["unanswered"]),
        "per second": load["per second"],
        "crashed": float(load["crashed"]),
    }


def _rows(found: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    kinds = {
        "longest wait for the version": ("worst", "s"),
        "longest wait for the version, meanwhile": ("during", "s"),
        "longest wait for the version, afterwards": ("after", "s"),
        "answers that are errors": ("errors", ""),
        "connections never answered": ("unanswered", ""),
        "servers that crashed": ("crashed", ""),
        f"{DAGS}, {CONNECTIONS} connections": ("per second", "/s"),
    }
    for measure, (key, unit) in kinds.items():
        yield Row(measure, {name: run[key] for name, run in found.items()}, unit)


def _limits(database: str, found: Mapping[str, Mapping[str, float]]) -> Iterator[Limit]:
    worst = {name: run["worst"] for name, run in found.items()}
    if "ours" not in found:
        return
    yield Limit(f"{database}: errors of ours", found["ours"]["errors"] + found["ours"]["unanswered"], most=0)
    for peer in (name for name in ("Simple", "FAB", "Keycloak") if name in found):
        says = f"{database}: times that {peer}'s longest wait is longer"
        yield Limit(says, ratio(worst[peer], worst["ours"]), least=SHORTER)
    word = "within" if worst["ours"] <= WANTED else "NOT within"
    print(f"\n{database}: ours answered the version {word} {WANTED:g} s throughout (reported, not judged)")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.freeze", description="Try to freeze API servers.")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=["postgresql"])
    parser.add_argument("--managers", nargs="+", choices=list(MANAGERS), default=["ours", "Simple", "FAB", "Keycloak"])
    parser.add_argument("--dags", type=int, default=10_000)
    # On a machine that is busy with other things six seconds may be over before the first answer.
    parser.add_argument("--seconds", type=float, default=6.0, help="how long they ask (6)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
