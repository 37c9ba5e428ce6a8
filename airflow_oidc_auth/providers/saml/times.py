"""Times as SAML writes them (SAML Core §1.3.3): UTC, xs:dateTime."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,12})?(Z|[+-]00:00)?")


def read_instant(text: str) -> int | None:
    """Return epoch seconds, fractions cut off; None for what is no time in UTC."""
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return int(datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc).timestamp())
    except (ValueError, OverflowError):
        return None


def write_instant(seconds: float) -> str:
    """Return epoch seconds as SAML writes them."""
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
