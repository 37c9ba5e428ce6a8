"""Claim paths: how a configuration names a place in a claims document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

EVERY_ITEM = "*"
_MAX_SEGMENTS = 16
_MAX_LENGTH = 512
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_BAD_ESCAPE = re.compile(r"~(?![01])")


class GroupFormat(str, Enum):
    """How a claim spells several groups."""

    LIST = "list"
    CSV = "csv"
    SPACE = "space"


@dataclass(frozen=True, slots=True)
class ClaimPath:
    """Segments from the top of the document; ``*`` steps into every item of a list."""

    segments: tuple[str, ...]

    def find(self, document: object) -> tuple[object, ...]:
        """Return every value at this path, in document order; ``()`` when there is none.

        A claim that is present and ``null`` is found as ``None``: absent and null differ.
        """
        if len(self.segments) == 1 and isinstance(document, dict):  # nearly every path, in each new token
            name = self.segments[0]
            return (document[name],) if name in document else ()
        values: tuple[object, ...] = (document,)
        for segment in self.segments:
            values = tuple(below for value in values for below in _step(value, segment))
        return values

    def __str__(self) -> str:
        """Return the shortest spelling that :func:`parse_claim_path` reads as this path."""
        dotted = ".".join(self.segments)
        if _read(dotted) == self.segments:
            return dotted
        return "".join("/" + segment.replace("~", "~0").replace("/", "~1") for segment in self.segments)


def parse_claim_path(value: object) -> ClaimPath:
    """Parse a claim path from the configuration.

    A list is explicit segments; a string with ``://`` is one literal name (Auth0's URL-named claims); a string
    that begins with ``/`` is an RFC 6901 pointer; any other string is split on ``.``.

    :raises ValueError: the value names no place; the text says why
    """
    if isinstance(value, list | tuple):
        segments = _explicit(value)
    elif isinstance(value, str):
        if value.startswith("/") and "://" not in value and _BAD_ESCAPE.search(value):
            raise ValueError("in a pointer '~' is written '~0' and '/' is written '~1' (RFC 6901)")
        segments = _read(value)
    else:
        raise ValueError("a claim path is a text or a list of texts")  # noqa: TRY004 -- one error type for callers
    if not segments or not all(segments):
        raise ValueError("a claim path has no empty part")
    if len(segments) > _MAX_SEGMENTS or sum(map(len, segments)) > _MAX_LENGTH:
        raise ValueError(f"a claim path has at most {_MAX_SEGMENTS} parts and {_MAX_LENGTH} characters")
    return ClaimPath(segments)


def _explicit(parts: list[object] | tuple[object, ...]) -> tuple[str, ...]:
    segments = tuple(part for part in parts if isinstance(part, str))
    if len(segments) != len(parts):
        raise ValueError("every part of a claim path is a text; quote numbers")
    return segments


def _read(text: str) -> tuple[str, ...]:
    if "://" in text:
        return (text,)
    if not text.startswith("/"):
        return tuple(text.split("."))
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))


def _step(value: object, segment: str) -> Iterator[object]:
    if isinstance(value, Mapping):
        if segment in value:
            yield value[segment]
    elif isinstance(value, list | tuple):
        if segment == EVERY_ITEM:
            yield from value
        elif _INDEX.fullmatch(segment) and int(segment) < len(value):
            yield value[int(segment)]
