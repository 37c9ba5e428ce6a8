"""Many trials in forks of one session that has collected everything: each puts other code into one function.

It costs no import, so nearly all mutants are tried this way; those outside functions need :mod:`tests.mutation.trial`.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import Mutant
from tests.mutation.trial import FAILED, PACKAGE, PASSED


class Session:
    """A pytest plugin that hands the collected tests over instead of running them.

    :param use: gets the tests by node id
    """

    def __init__(self, use: Callable[[Mapping[str, pytest.Item]], None]) -> None:
        self._use = use

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Do something else than to run all tests."""
        self._use({item.nodeid: item for item in session.items})
        return True


def try_in_this_process(mutant: Mutant, tests: Sequence[pytest.Item]) -> int:
    """Return FAILED if one of the tests notices the mutant, which stays: for a forked process.

    :raises LookupError, ValueError: the mutant cannot be tried like this
    """
    swap_code(mutant)
    for item in tests:
        if any(report.failed for report in runtestprotocol(item, log=False, nextitem=None)):
            return FAILED
    return PASSED


def swap_code(mutant: Mutant) -> None:
    """Give the function the code that it has in the mutant."""
    module = importlib.import_module(f"{PACKAGE}.{mutant.module}")
    code = compile(mutant.source, str(module.__file__), "exec")
    found: Any = module
    for name in mutant.where.split("."):
        found = _function(vars(found)[name])
        code = next(each for each in reversed(code.co_consts) if _is_code_of(each, name))
        if isinstance(found, types.FunctionType):
            # A function within the function is part of its code.
            break
    found.__code__ = code
    for cache in caches():
        cache.cache_clear()


def caches() -> Iterator[Any]:
    """Yield what remembers answers in the package, in the modules that are imported."""
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE):
            yield from (each for each in vars(module).values() if isinstance(each, functools._lru_cache_wrapper))


def _function(value: Any) -> Any:
    """Return the function behind a property, a cache or a method of the class."""
    for attribute in ("fget", "func", "__wrapped__", "__func__"):
        value = getattr(value, attribute, None) or value
    return value


def _is_code_of(value: object, name: str) -> bool:
    return isinstance(value, types.CodeType) and value.co_name == name
