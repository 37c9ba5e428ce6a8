"""Globs over whole texts, in time that grows with the text alone (RE2): ids, tags and names come from other people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

_WILD = frozenset("*?")
_WILDCARD = re.compile(r"[*?]")
_TOGETHER = 5_000
"""Characters in one expression, but for a pattern that is longer alone; RE2 refuses what outgrows its memory."""


def is_exact(glob: str) -> bool:
    """Return whether the glob matches itself alone."""
    return _WILD.isdisjoint(glob)


def matches_everything(globs: Iterable[str]) -> bool:
    """Return whether one of the globs is nothing but ``*``."""
    return any(glob and not glob.strip("*") for glob in globs)


@dataclass(frozen=True, slots=True)
class Globs:
    """Alternatives: a text matches if one of them matches it from its first to its last character."""

    exact: frozenset[str]
    everything: bool
    _expressions: tuple[Any, ...]

    def match(self, text: str) -> bool:
        """Return whether the text matches."""
        if self.everything or text in self.exact:
            return True
        if not self._expressions:
            return False
        # What has no encoding becomes a question mark, which no pattern can ask for: it stands for any character.
        encoded = text.encode(errors="replace")
        return any(expression.fullmatch(encoded) is not None for expression in self._expressions)

    def match_any(self, texts: Iterable[str]) -> bool:
        """Return whether one of the texts matches."""
        return any(map(self.match, texts))


def literal_prefix(glob: str) -> str:
    """Return what every match begins with."""
    return _WILDCARD.split(glob)[0]


def select_texts(glob: str, texts: Iterable[str]) -> list[str]:
    """Return the texts that the glob matches; for many texts and one pattern."""
    literals = _WILDCARD.split(glob)
    before, longest, after = literals[0], max(literals, key=len), literals[-1]
    if glob == f"{before}*":
        return [text for text in texts if text.startswith(before)]
    found = [text for text in texts if text.startswith(before) and text.endswith(after)]
    if glob == f"{before}*{after}":
        return [text for text in found if len(text) >= len(before) + len(after)]
    # RE2 takes microseconds for each text: it gets only those that hold the longest literal of the pattern.
    matches = compile_globs((glob,)).match
    return [text for text in found if longest in text and matches(text)]


@lru_cache(maxsize=256)
def compile_globs(globs: tuple[str, ...]) -> Globs:
    """Compile globs: ``*`` is any run of characters, ``?`` is one, everything else is itself. No glob, no match."""
    patterns = sorted({glob for glob in globs if not is_exact(glob)})
    # A pattern matches itself, too.
    return Globs(frozenset(globs), matches_everything(globs), tuple(_expressions(patterns)))


def _expressions(patterns: list[str]) -> Iterator[Any]:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    for together in _portions(patterns):
        yield re2.compile(f"(?:{'|'.join(map(_translate, together))})".encode(), options)


def _portions(patterns: list[str]) -> Iterator[list[str]]:
    portion: list[str] = []
    for pattern in patterns:
        if portion and sum(map(len, portion)) + len(pattern) > _TOGETHER:
            yield portion
            portion = []
        portion.append(pattern)
    if portion:
        yield portion


def _translate(glob: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(character) or re2.escape(character) for character in glob)
