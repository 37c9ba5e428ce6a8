"""What people see while something fails, in words."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from benchmarks.rig import Rig

CODE = re.compile(r'class="muted">\((\w+)\)')


@dataclass(frozen=True)
class Finding:
    """One line of the table."""

    fault: str
    seen: str
    lost: str
    again: str


class Watcher:
    """Somebody whose page asks the server ten times a second.

    :param port: of one server; None for the public address
    """

    def __init__(self, rig: Rig, token: str, port: int | None = None) -> None:
        self._rig, self._token, self._port = rig, token, port or rig.airflow.port
        self._done = threading.Event()
        self.answers: list[tuple[float, int, float]] = []

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join(90)

    def _run(self) -> None:
        while not self._done.wait(0.1):
            begun = time.monotonic()
            try:
                status = self._rig.ask(self._port, self._token).status_code
            except requests.RequestException:
                status = 0
            self.answers.append((begun, status, time.monotonic() - begun))

    def told(self) -> str:
        counts = Counter(status for _, status, _ in self.answers)
        shown = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(counts.items()))
        return f"{shown}; slowest {max(seconds for _, _, seconds in self.answers):.2f} s"

    def first(self, status: int, after: float) -> float:
        """Return the seconds from a moment to the first answer of this status."""
        return next((begun - after for begun, found, _ in self.answers if found == status and begun >= after), -1.0)


def timed(act: Callable[[], requests.Response]) -> str:
    begun = time.monotonic()
    return f"{shown(act())} after {time.monotonic() - begun:.1f} s"


def shown(answer: requests.Response) -> str:
    code = CODE.search(answer.text) if answer.status_code >= 400 else None
    return f"{answer.status_code} {code[1] if code else ''}".strip()
