"""Claim paths: how a configuration names a place in a claims document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class GroupFormat(str, Enum):
    """How a claim spells several groups."""

    LIST = "list"
    CSV = "csv"
    SPACE = "space"


@dataclass(frozen=True, slots=True)
class ClaimPath:
    """Segments from the top of the document; ``*`` steps into every item of a list."""

    segments: tuple[str, ...]
