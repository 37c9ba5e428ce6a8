"""One run of the tests in a process of its own, which imports the package anew: with a mutant, or without.

The parent has imported pytest and Hypothesis and nothing of the package, so that a fork is cheap and knows nothing.
The mutant is handed to the import machinery; no file is written.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest
import re2  # noqa: F401  as Hypothesis: imported once, for all children
from hypothesis import HealthCheck, Phase, settings

PACKAGE = "airflow_oidc_auth"
PASSED, FAILED, BROKEN, UNTRIED = 0, 1, 3, 4
"""What a trial ends with: every test passed, one failed, pytest could not even begin, or the fault is ours."""

_OPTIONS = ("-x", "-s", "--noconftest", "--import-mode=importlib", "--assert=plain")
_OPTIONS += ("-p", "no:cacheprovider", "-p", "no:terminal")
_MEMORY = 4 << 30
"""Bytes of addresses; a mutant may ask for ever more."""


class Order:
    """Keep the tests that are wanted, in the order that they are wanted in.

    :param wanted: node ids
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        self._place = {nodeid: place for place, nodeid in enumerate(wanted)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._place), key=lambda item: self._place[item.nodeid]
        )


def start(run: Callable[[], int], output: Path) -> int:
    """Run it in a child; return its process id. The child ends with what ``run`` returns."""
    if pid := os.fork():
        return pid
    code = UNTRIED
    try:
        _write_to(output)
        code = run()
    except BaseException:  # noqa: BLE001  a child must never go on as if it were the parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def limit(seconds: float) -> None:
    """End this process when it has used so much of a processor: a mutant may loop. A busy machine does not count."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def run_tests(root: Path, tests: Collection[str], *plugins: object) -> int:
    """Return PASSED if all tests passed, FAILED if one did not.

    :param root: of the copy; the working directory
    :param tests: files or node ids
    """
    code = start_pytest(root, tests, *plugins)
    return {pytest.ExitCode.OK: PASSED, pytest.ExitCode.TESTS_FAILED: FAILED}.get(pytest.ExitCode(code), BROKEN)


def start_pytest(root: Path, tests: Collection[str], *plugins: object) -> int:
    """Return pytest's exit code."""
    # The same examples as in tests/conftest.py; nobody wants to know which is the smallest that fails.
    phases = [Phase.explicit, Phase.generate]
    slow = [HealthCheck.too_slow]
    settings.register_profile("mutation", deadline=None, derandomize=True, phases=phases, suppress_health_check=slow)
    settings.load_profile("mutation")
    return pytest.main([*_OPTIONS, "-c", str(root / "mutation.ini"), "--rootdir", str(root), *tests], plugins=plugins)


def change_modules(modules: Collection[str], change: Callable[[str, str], str], root: Path) -> None:
    """Let the import of these modules of the package go through ``change``: from name and source to what runs."""
    files = {f"{PACKAGE}.{name}": root / PACKAGE / f"{name.replace('.', '/')}.py" for name in modules}
    sys.meta_path.insert(0, _Finder(files, change))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, files: Mapping[str, Path], change: Callable[[str, str], str]) -> None:
        self._files, self._change = files, change

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname in self._files else None

    def exec_module(self, module: ModuleType) -> None:
        file = self._files[module.__name__]
        module.__file__ = str(file)
        source = self._change(module.__name__.removeprefix(f"{PACKAGE}."), file.read_text())
        exec(compile(source, file, "exec"), module.__dict__)


def _write_to(output: Path) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
