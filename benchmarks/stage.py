"""What every run needs around it: helpers in the background, what the machine is, words for who waits."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.homes import ROOT


@contextlib.contextmanager
def line_of(module: str, *arguments: str) -> Iterator[str]:
    """Run a module of ours in the background; yield the line that it prints when it is ready."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield (process.stdout.readline() if process.stdout else "").strip()
    finally:
        process.terminate()
        process.communicate()


def machine(database: str) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} CPUs, {memory:.0f} GB, Python {sys.version.split()[0]}, {database}"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
