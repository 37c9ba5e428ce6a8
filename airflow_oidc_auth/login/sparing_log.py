"""A log that whoever is not signed in can write to, but not fill."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

WINDOW = 60.0
"""Seconds."""

MOST = 30
"""Lines of a kind within a window."""

MAX_KINDS = 64
OTHERS = "others"


class SparingLog:
    """Write the first lines of a kind in each minute, count the others, and say how many they were.

    What is left out here is in the audit as a count. Used on the event loop only.

    :param monotonic: a clock that nobody sets
    """

    def __init__(self, log: logging.Logger, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._ends = float("-inf")
        self._counts: dict[str, int] = {}

    def warning(self, kind: str, text: str, *args: object) -> None:
        """Write a warning, or count it.

        :param kind: such as an error's code; there are few
        """
        self._begin_window()
        if kind not in self._counts and len(self._counts) >= MAX_KINDS:
            kind = OTHERS
        self._counts[kind] = count = self._counts.get(kind, 0) + 1
        if count <= MOST:
            self._log.warning(text, *args, stacklevel=2)
        if count == MOST:
            self._log.warning("%s: more of these within a minute are counted, not written", kind, stacklevel=2)

    def _begin_window(self) -> None:
        now = self._monotonic()
        if now < self._ends:
            return
        for kind, count in self._counts.items():
            if count > MOST:
                self._log.warning("%s: %d more were not written", kind, count - MOST)
        self._ends, self._counts = now + WINDOW, {}
