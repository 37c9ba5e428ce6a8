"""Time zones that a person may choose."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from functools import cache


@cache
def zone_names() -> Sequence[str]:
    """Return the names to offer, sorted; empty where the machine has no zone data."""
    return tuple(sorted(name for name in _known() if "/" in name or name == "UTC"))


def find_zone(name: str | None) -> zoneinfo.ZoneInfo | None:
    """Return the zone of a known name; names from outside never reach the file system."""
    return zoneinfo.ZoneInfo(name) if name and name in _known() else None


@cache
def _known() -> frozenset[str]:
    # Read once: asking walks hundreds of files, and the event loop would wait for it.
    return frozenset(zoneinfo.available_timezones())
