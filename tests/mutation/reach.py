"""Which test reaches which function of the package, and how long it takes."""

from __future__ import annotations

import functools
import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.trial import PACKAGE


@dataclass(frozen=True)
class Reach:
    """What one run of all tests has shown.

    :param seconds: of a processor, by test
    :param lines: by test and module, the first lines of the functions that it called
    """

    seconds: dict[str, float]
    lines: dict[str, dict[str, frozenset[int]]]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that could notice the mutant, the quickest first; all of them for one outside functions."""
        found = [test for test in self.seconds if mutant.lines is None or self._calls(test, mutant)]
        return sorted(found, key=self.seconds.__getitem__)

    def _calls(self, test: str, mutant: Mutant) -> bool:
        first, last = mutant.lines or (0, 0)
        return any(first <= line <= last for line in self.lines[test].get(mutant.module, ()))


class Recorder:
    """A pytest plugin that writes down what :class:`Reach` holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder / PACKAGE.replace(".", "/"))
        self._seconds: dict[str, float] = {}
        self._lines: dict[str, dict[str, list[int]]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record one test. What an earlier one left in a cache would hide that this one reaches the function."""
        _forget_cached()
        called: dict[str, set[int]] = defaultdict(set)
        begun = time.process_time()
        # Above the tracer of nobody: neither coverage nor a debugger runs here.
        sys.settrace(lambda frame, _event, _argument: self._note(frame, called))
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self._seconds[item.nodeid] = time.process_time() - begun
            self._lines[item.nodeid] = {module: sorted(lines) for module, lines in called.items()}

    def write(self, path: Path) -> None:
        """Write everything to a file."""
        path.write_text(json.dumps({"seconds": self._seconds, "lines": self._lines}))

    def _note(self, frame: FrameType, called: dict[str, set[int]]) -> None:
        code = frame.f_code
        if code.co_filename.startswith(self._folder):
            called[Path(code.co_filename).stem].add(code.co_firstlineno)


def read_reach(path: Path) -> Reach:
    """Return what the recorder wrote."""
    data = json.loads(path.read_text())
    lines = {
        test: {module: frozenset(first) for module, first in modules.items()} for test, modules in data["lines"].items()
    }
    return Reach(data["seconds"], lines)


def _forget_cached() -> None:
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper) and each.__module__.startswith(PACKAGE):
            each.cache_clear()
