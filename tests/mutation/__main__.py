"""Write every small mistake into the code that decides, one at a time, and see whether a test notices.

Works on a copy. Ends with 1 if a mutant survived that is not known to be equivalent (tests/mutation/equivalent.py).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import Mutant, find_mutants
from tests.mutation.reach import Reach, Recorder, read_reach
from tests.mutation.swap import Session, try_in_this_process
from tests.mutation.trial import PACKAGE, PASSED, UNTRIED, Order, change_modules, limit, run_tests, start, start_pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Tried:
    """A package of ours that is tried.

    :param tests: the folder of its tests; of no others
    :param copied: what these need besides
    :param gone_through: modules that were gone through, survivor by survivor; the others can be named
    """

    tests: str
    copied: tuple[str, ...]
    gone_through: tuple[str, ...]


POLICY = ("compile", "custom_rules", "dag_matching", "flat", "name_rules", "permissions", "team_rights")
POLICY += ("pairs", "single_dags", "statement_pairs", "decision", "questions", "roles", "statements", "scopes")
POLICY += ("spelling", "fab", "line_effects", "builtin", "vocabulary", "words", "overview", "summary")
POLICY += ("dag_rules", "lines", "dag_view", "dag_cells", "globs", "dag_selection", "dag_values", "dag_bits")
POLICY += ("dag_index", "selectors")

GRANTS = ("rules", "grant", "filling", "template", "scopes", "delegation", "needs", "conditions", "patterns")
GRANTS += ("judgements", "digest")

PACKAGES = {
    "policy": Tried("tests/unit/policy", (f"{PACKAGE}/policy", "docs/roles.md", f"{PACKAGE}/__init__.py"), POLICY),
    "grants": Tried("tests/unit/grants", (PACKAGE,), GRANTS),
}

LEAST_SECONDS = 20.0
"""Of a processor, for the tests of one mutant; else ten times what they take without a mistake."""


@dataclass
class Tally:
    """How far the run is."""

    total: int
    begun: float = field(default_factory=time.monotonic)
    done: int = 0
    survivors: list[Mutant] = field(default_factory=list)

    def count(self, mutant: Mutant, *, survived: bool) -> None:
        """Take one result; say it if a mutant survived, and from time to time how far it is."""
        self.done += 1
        if survived:
            self.survivors.append(mutant)
            if mutant.name not in EQUIVALENT:
                print(f"SURVIVED {_place(mutant)}", flush=True)
        if self.done % 50 == 0 or self.done == self.total:
            left = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
            print(f"{self.done} of {self.total}, {len(self.survivors)} survived; {left / 60:.0f} min left", flush=True)


def main() -> int:
    """Run it; return 1 if something is not as it should be."""
    options = _arguments()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    tried = PACKAGES[options.package]
    with _copy(tried) as copy:
        mutants = _find(copy, [f"{options.package}.{module}" for module in options.modules or tried.gone_through])
        print(f"{len(mutants)} mutants; running all tests without a mistake", flush=True)
        reach = _record(copy, options.package)
        tally = Tally(len(mutants))
        _try_all(copy, mutants, reach, tally, options)
    return _judge(mutants, tally)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="without any: those that were gone through")
    parser.add_argument("--package", choices=PACKAGES, default="policy", help="that the modules are of")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trials at the same time")
    return parser.parse_args()


@contextmanager
def _copy(tried: Tried) -> Iterator[Path]:
    """Copy what is tried and what tries it, so that nobody who edits meanwhile is in the way, and work there."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder).resolve()
        for name in (tried.tests, *tried.copied):
            _copy_to(copy, name)
        (copy / "mutation.ini").write_text("[pytest]\n")
        before = Path.cwd()
        os.chdir(copy)
        # The copy first, and no other tests: those of this folder are imported already.
        sys.path[:] = [str(copy), *(path for path in sys.path if Path(path or before).resolve() != ROOT)]
        try:
            yield copy
        finally:
            os.chdir(before)


def _copy_to(copy: Path, name: str) -> None:
    (copy / name).parent.mkdir(parents=True, exist_ok=True)
    if (ROOT / name).is_dir():
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(ROOT / name, copy / name)


def _modules(copy: Path, package: str) -> set[str]:
    return {f"{package}.{path.stem}" for path in (copy / PACKAGE / package).glob("[!_]*.py")}


def _find(copy: Path, modules: Collection[str]) -> list[Mutant]:
    files = {module: copy / PACKAGE / f"{module.replace('.', '/')}.py" for module in modules}
    return [mutant for module, file in files.items() for mutant in find_mutants(module, file.read_text())]


def _record(copy: Path, package: str) -> Reach:
    """Run all tests once; a run that fails without a mistake would prove nothing."""
    found, output = copy / "reach.json", copy / "output"

    def run() -> int:
        recorder = Recorder()
        change_modules(_modules(copy, package), recorder.change, copy)
        code = run_tests(copy, [PACKAGES[package].tests], recorder)
        recorder.write(found)
        return code

    _, status = os.waitpid(start(run, output), 0)
    if os.waitstatus_to_exitcode(status) != PASSED:
        raise SystemExit(f"{output.read_text()}\nThe tests fail without a mistake.")
    return read_reach(found)


def _try_all(copy: Path, mutants: list[Mutant], reach: Reach, tally: Tally, options: argparse.Namespace) -> None:
    bench = _Bench(copy, reach, tally, options.jobs)
    # What runs at import is decided by then, and reaches every test.
    early = [mutant for mutant in mutants if not reach.calling(mutant)]
    bench.run((mutant, partial(_try_anew, copy, mutant, reach.tests_of(mutant))) for mutant in early)

    def use(tests: Mapping[str, pytest.Item]) -> None:
        bench.run(
            (mutant, partial(try_in_this_process, mutant, [tests[each] for each in reach.tests_of(mutant)]))
            for mutant in mutants
            if mutant not in early
        )

    start_pytest(copy, [PACKAGES[options.package].tests], Session(use))


def _try_anew(copy: Path, mutant: Mutant, tests: list[str]) -> int:
    change_modules([mutant.module], lambda _module, _source: mutant.source, copy)
    return run_tests(copy, dict.fromkeys(test.partition("::")[0] for test in tests), Order(tests))


@dataclass
class _Bench:
    """Runs some trials at the same time."""

    copy: Path
    reach: Reach
    tally: Tally
    jobs: int
    _running: dict[int, Mutant] = field(default_factory=dict)

    def run(self, trials: Iterable[tuple[Mutant, Callable[[], int]]]) -> None:
        """Run all of them."""
        for number, (mutant, trial) in enumerate(trials):
            while len(self._running) >= self.jobs:
                self._wait()
            pid = start(partial(self._limited, mutant, trial), self.copy / f"output{number % self.jobs}")
            self._running[pid] = mutant
        while self._running:
            self._wait()

    def _limited(self, mutant: Mutant, trial: Callable[[], int]) -> int:
        limit(max(LEAST_SECONDS, 10 * sum(map(self.reach.seconds.__getitem__, self.reach.tests_of(mutant)))))
        return trial()

    def _wait(self) -> None:
        pid, status = os.wait()
        mutant, code = self._running.pop(pid), os.waitstatus_to_exitcode(status)
        if code == UNTRIED:
            raise SystemExit(f"Could not be tried: {_place(mutant)}")
        self.tally.count(mutant, survived=code == PASSED)


def _judge(mutants: list[Mutant], tally: Tally) -> int:
    survived = {mutant.name for mutant in tally.survivors}
    bad = [mutant for mutant in tally.survivors if mutant.name not in EQUIVALENT]
    tried = tuple(f"{mark}{end}" for mark in {mutant.short for mutant in mutants} for end in ".:")
    stale = [name for name in EQUIVALENT if name.startswith(tried) and name not in survived]
    killed = tally.total - len(survived)
    print(f"\n{killed} of {tally.total} were noticed, {len(survived) - len(bad)} are known to be no mistake.")
    for title, lines in (("Nobody noticed", list(map(_place, bad))), ("No longer equivalent", stale)):
        if lines:
            print(f"{title}:", *lines, sep="\n  ")
    return 1 if bad or stale else 0


def _place(mutant: Mutant) -> str:
    return f"{mutant.module.replace('.', '/')}.py:{mutant.line}  {mutant.name}"


if __name__ == "__main__":
    sys.exit(main())
