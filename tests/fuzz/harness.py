"""One harness, and the judge of its runs."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
LIMIT = 2.0
"""Seconds of this thread's own time that no input may take: the slowest honest ones take some milliseconds."""


class TooSlow(AssertionError):
    """An input of a few kilobytes costs seconds: whoever sends many of them stops the server."""


@dataclass(frozen=True, slots=True)
class Harness:
    """A parser under test.

    :param run: raises only for a bug
    :param words: what the fuzzer may put in, beside what it makes up
    :param largest: bytes of the inputs that are tried
    """

    name: str
    run: Callable[[bytes], None]
    words: tuple[str, ...]
    largest: int

    @property
    def folder(self) -> Path:
        """Where its inputs are kept."""
        return CORPUS / self.name

    def kept(self) -> list[Path]:
        """Return the files that are kept, sorted."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())

    def judge(self, data: bytes) -> None:
        """Run once, within the limit."""
        began = time.thread_time()
        self.run(data)
        spent = time.thread_time() - began
        if spent > LIMIT:
            raise TooSlow(f"{self.name}: {len(data)} bytes took {spent:.1f} s")


def load(name: str) -> Harness:
    """Import a harness; the fuzzer instruments what is imported here for the first time."""
    module = importlib.import_module(f"tests.fuzz.{name}")
    return Harness(name, module.run, getattr(module, "WORDS", ()), getattr(module, "LARGEST", 4096))
