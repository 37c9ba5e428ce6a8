"""Which test reaches which function of the package, and how long it takes."""

from __future__ import annotations

import ast
import builtins
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.swap import caches


@dataclass(frozen=True)
class Reach:
    """What one run of all tests has shown.

    :param seconds: of a processor, by test
    :param lines: by test and module, the lines of the functions that it called
    """

    seconds: dict[str, float]
    lines: dict[str, dict[str, frozenset[int]]]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that could notice the mutant, the quickest first: all, where no test calls the function."""
        return sorted(self.calling(mutant) or self.seconds, key=self.seconds.__getitem__)

    def calling(self, mutant: Mutant) -> list[str]:
        """Return the tests that call the function which has the mistake."""
        return [test for test in self.seconds if mutant.lines and self._calls(test, mutant.module, *mutant.lines)]

    def _calls(self, test: str, module: str, first: int, last: int) -> bool:
        return any(first <= line <= last for line in self.lines[test].get(module, ()))


class Recorder:
    """A pytest plugin that writes down what :class:`Reach` holds, of functions that tell when they are called."""

    def __init__(self) -> None:
        self._called: set[tuple[str, int]] = set()
        self._seconds: dict[str, float] = {}
        self._lines: dict[str, dict[str, list[int]]] = {}
        builtins._called = self._called.add

    @staticmethod
    def change(module: str, source: str) -> str:
        """Return the module with functions that tell. Its lines are others; the number told is that in the source."""
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                node.body.insert(0, ast.parse(f"_called(({module!r}, {node.lineno}))").body[0])
        return ast.unparse(tree)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record one test. What an earlier one left in a cache would hide that this one reaches the function."""
        for cache in caches():
            cache.cache_clear()
        self._called.clear()
        begun = time.process_time()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = time.process_time() - begun
            lines = defaultdict(list)
            for module, line in sorted(self._called):
                lines[module].append(line)
            self._lines[item.nodeid] = lines

    def write(self, path: Path) -> None:
        """Write everything to a file."""
        path.write_text(json.dumps({"seconds": self._seconds, "lines": self._lines}))


def read_reach(path: Path) -> Reach:
    """Return what the recorder wrote."""
    data = json.loads(path.read_text())
    lines = {
        test: {module: frozenset(first) for module, first in modules.items()} for test, modules in data["lines"].items()
    }
    return Reach(data["seconds"], lines)
