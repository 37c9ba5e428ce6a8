"""What many live sessions cost: ``python -m benchmarks.many_sessions [--requests N] [--rechecks N]``.

A request with N live sessions beside one with one, in two processes that take turns; and the re-checks of N sessions on
a PostgreSQL of this run's own against an IdP in another process, beside bare refresh calls.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.homes import ROOT, Home
from benchmarks.rechecks import measure_rechecks

ROUNDS = 40


class Worker:
    """A process that has seen so many sessions, and measures when it is told to."""

    def __init__(self, home: Home, sessions: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.one_request", str(sessions)],
            env=home.environment(),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def listen(self) -> float:
        for line in self._process.stdout:
            if line.startswith("found "):
                return float(line.split()[1])
        raise SystemExit("the worker ended")

    def measure(self) -> float:
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        return self.listen()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)


def measure_requests(folder: Path, sessions: int) -> None:
    home = Home("ours", folder / "ours", "http://127.0.0.1:9")
    home.prepare(1)
    workers = [Worker(home, 1), Worker(home, sessions)]
    try:
        for worker in workers:
            worker.listen()
        rounds = [[worker.measure() for worker in workers] for _ in range(ROUNDS)]
    finally:
        for worker in workers:
            worker.close()
    one, many = (median(each) for each in zip(*rounds, strict=True))
    ratio = median(other / first for first, other in rounds)
    print(f"request, one live session: {one * 1e6:.2f} us; {sessions:,}: {many * 1e6:.2f} us; ratio {ratio:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000, help="live sessions; 0 leaves this part out")
    parser.add_argument("--rechecks", type=int, default=10_000, help="sessions to re-check; 0 leaves this part out")
    options = parser.parse_args()
    if options.requests:
        with tempfile.TemporaryDirectory(prefix="oidc-auth-many-") as folder:
            measure_requests(Path(folder), options.requests)
    if options.rechecks:
        measure_rechecks(options.rechecks)


if __name__ == "__main__":
    main()
