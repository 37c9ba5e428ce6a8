"""Globs and regular expressions over whole names, in linear time (RE2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import re2

_MAX_PATTERN = 1_000
_MAX_TEXT = 4_096
_MEMORY = 1 << 20  # bytes per pattern; RE2 refuses what does not fit


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern that must match a text from its first to its last character.

    Matching a part would let ``evilexample.com`` pass for ``example.com``.
    """

    source: str
    _compiled: Any

    @property
    def captures(self) -> frozenset[str]:
        """Names of the named groups."""
        return frozenset(self._compiled.groupindex)

    def match(self, text: str) -> Mapping[str, str] | None:
        """Return the named captures that took part, or None where the text does not match."""
        if len(text) > _MAX_TEXT or not _encodable(text):
            return None
        found = self._compiled.fullmatch(text)
        if found is None:
            return None
        return {name: value for name, value in found.groupdict().items() if value is not None}


def compile_regex(source: str) -> Pattern:
    """Compile an RE2 expression.

    :raises ValueError: it cannot be compiled; the text says why
    """
    _check_source(source)
    return Pattern(source, _compile(source))


def _compile(source: str) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None


def compile_glob(source: str) -> Pattern:
    """Compile a glob: ``*`` is any run of characters, ``?`` is one, everything else is itself.

    Brackets are plain characters, since directory groups are often called ``[App] Users``.
    """
    _check_source(source)
    regex = "".join({"*": ".*", "?": "."}.get(character) or re2.escape(character) for character in source)
    return Pattern(source, _compile(regex))


def _check_source(source: str) -> None:
    if not source or len(source) > _MAX_PATTERN or not _encodable(source):
        raise ValueError(f"a pattern has 1 to {_MAX_PATTERN} characters")


def _encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
