"""``python -m benchmarks.rights [--managers …] [--dags N] [--rounds N] [--quick]``: rights as fine as the organisation.

200 rules and roles, a person in 50 groups, 10,000 DAGs; beside FAB with 200 rights on single DAGs, SimpleAuthManager
and Keycloak on a loopback stub. First the policy alone, with ten times as many DAGs, too; then every manager as Airflow
asks it. Prints tables, judges the ratios and ends with 1 where one is not what it should be.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.dag_list import prepared
from benchmarks.homes import MANAGERS, ROOT, Home
from benchmarks.limits import Limit, judge, ratio
from benchmarks.policy_alone import BARE
from benchmarks.stage import line_of, machine, say
from benchmarks.table import Row, render

MORE = 10
"""Times as many DAGs, for the growth of what a list costs."""

GROWTH = 12.0
"""What the larger list may cost beside the smaller one."""

BESIDE_BARE = GROWTH / MORE
"""The same for what is warm, beside how the bare look-up of as many ids grows: they leave the processor's caches."""

TIMES_FAB = {
    ("one DAG", ""): 1.0,
    ("filter menu", ""): 7.5,
    ("filter of", "warm"): 9.0,
    ("filter of", "cold"): 0.6,
    ("list of", "warm"): 1.0,
}
"""Begin and end of a measure → how many times as fast as FAB's it is at least."""


def main() -> int:
    options = _parse()
    alone = _alone(options.dags, options.rounds)
    print(f"\n{machine('no database')}\n\n{render(list(_rows({'ours': alone})))}\n", flush=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="airflow-oidc-auth-benchmarks-")))
        stub = stack.enter_context(line_of("benchmarks.stub"))
        homes = prepared(folder / "sqlite", stub, None, options.managers, options.dags)
        found = _in_turns(homes, options.rounds, quick=options.quick)
    print(f"\n{machine('sqlite')}, load {os.getloadavg()[1]:.1f}\n\n{render(list(_rows(found)))}\n")
    return judge([*_growth(alone, options.dags), *_beside_fab(found)])


def _alone(dags: int, rounds: int) -> dict[str, float]:
    """Measure the policy by itself, with the given number of DAGs and with more."""
    runs: dict[str, list[float]] = {}
    for number in range(rounds):
        for size in (dags, MORE * dags):
            say(f"the policy alone, round {number + 1} of {rounds}: {size} DAGs")
            for measure, value in _run_alone(size).items():
                runs.setdefault(measure, []).append(value)
    return {measure: median(values) for measure, values in runs.items()}


def _run_alone(dags: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.policy_alone", str(dags)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def _in_turns(homes: Sequence[Home], rounds: int, *, quick: bool) -> dict[str, dict[str, float]]:
    """Ask in turns; return seconds by manager and measure."""
    runs: dict[str, dict[str, list[float]]] = {home.manager: {} for home in homes}
    for number in range(rounds):
        for home in homes:
            say(f"as Airflow asks, round {number + 1} of {rounds}: {home.manager}")
            answer = home.ask(*(["--quick"] if quick else []), module="benchmarks.rights_worker")
            for measure, value in answer.items():
                runs[home.manager].setdefault(measure, []).append(float(value))
    return {name: {measure: median(each) for measure, each in values.items()} for name, values in runs.items()}


def _rows(found: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    for measure in dict.fromkeys(measure for values in found.values() for measure in values):
        values = {name: each[measure] for name, each in found.items() if measure in each}
        yield Row(measure, values, "MB" if "memory" in measure else "s")


def _growth(alone: Mapping[str, float], dags: int) -> Iterator[Limit]:
    bare = _grows(alone, BARE.format(dags), dags)
    for measure in [each for each in alone if each.startswith(f"{dags} DAGs, filter")]:
        grows = _grows(alone, measure, dags)
        says = f"{MORE} times the DAGs, {measure}: times as long"
        if measure.endswith("warm"):
            yield Limit(f"{says}, over the {bare:.0f} times of a bare look-up", grows / bare, most=BESIDE_BARE)
        else:
            yield Limit(says, grows, most=GROWTH)


def _grows(alone: Mapping[str, float], measure: str, dags: int) -> float:
    return alone[measure.replace(f"{dags} DAGs", f"{MORE * dags} DAGs", 1)] / alone[measure]


def _beside_fab(found: Mapping[str, Mapping[str, float]]) -> Iterator[Limit]:
    ours, theirs = found.get("ours", {}), found.get("FAB", {})
    for measure, took in ours.items():
        least = next((times for (begin, end), times in TIMES_FAB.items() if _is(measure, begin, end)), None)
        if least is not None:
            yield Limit(f"{measure}: times as fast as FAB", ratio(theirs.get(measure), took), least=least)


def _is(measure: str, begin: str, end: str) -> bool:
    return measure.startswith(begin) and measure.endswith(end)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rights", description="Compare rights on many DAGs.")
    parser.add_argument("--managers", nargs="+", choices=list(MANAGERS), default=["ours", "Simple", "FAB", "Keycloak"])
    parser.add_argument("--dags", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
