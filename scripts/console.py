"""Say what is going on: numbered steps with elapsed time, a box at the end, one clear line on failure."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType

QUIET_SECONDS = 10
REDRAW_SECONDS = 0.5


class Stop(Exception):
    """Something that the person at the terminal has to know or do."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class Step:
    """Show one step with its running time: redrawn on a terminal, a line every ten seconds in a log."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tty = sys.stdout.isatty()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._began = time.monotonic()

    def __enter__(self) -> None:
        if not self._tty:
            print(f"  … {self._text}", flush=True)
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._ticker.join()
        mark = "✔" if kind is None else "✘"
        start = "\r\x1b[2K" if self._tty else ""
        print(f"{start}  {mark} {self._text} ({self._elapsed()})", flush=True)

    def _tick(self) -> None:
        while not self._over.wait(REDRAW_SECONDS if self._tty else QUIET_SECONDS):
            start, end = ("\r\x1b[2K", "") if self._tty else ("", "\n")
            print(f"{start}  … {self._text} ({self._elapsed()})", end=end, flush=True)

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._began:.0f} s"


def box(lines: Sequence[str]) -> str:
    """Return the lines inside a frame."""
    width = max(map(len, lines))
    middle = [f"│ {line.ljust(width)} │" for line in lines]
    return "\n".join([f"╭{'─' * (width + 2)}╮", *middle, f"╰{'─' * (width + 2)}╯"])
