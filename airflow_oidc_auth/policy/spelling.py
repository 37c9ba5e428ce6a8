"""One spelling for names that could mean the same thing: so that a denial cannot be spelled around.

Airflow finds things that are asked for by other spellings of their names: options in sections of any letter case,
connections from environment variables in any letter case, and on MySQL and MariaDB connections, pools and variables
also without accents, with spaces at the end, or with characters in between that count for nothing.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_STROKES = str.maketrans(dict(zip("øđłħŧð\u0131", "odlhtdi", strict=True)) | {"æ": "ae", "œ": "oe"})
_UNCERTAIN = frozenset({"ß", "\u1e9e", "\ufe73", "\u1cf2", "\u1cf3"})
"""One letter to one collation and two to another, or nothing at all."""

_LETTERS = frozenset({"Ll", "Lo", "Lu"})
_UNSEEN = frozenset({"Cc", "Cf", "Mc", "Me", "Mn"})
"""Accents, and characters that take no place."""


def fold_name(name: str) -> str | None:
    """Return the spelling that stands for all that some database takes for this one; None if nobody can tell."""
    if name.isascii() and name.isprintable():
        return name.lower().rstrip()
    folded = [part for part in map(_fold_character, name) if part is not None]
    return "".join(folded).rstrip() if len(folded) == len(name) else None


@lru_cache(maxsize=1024)
def _fold_character(character: str) -> str | None:
    if character.isascii():
        return character.lower() if character.isprintable() else ""
    if unicodedata.category(character) in _UNSEEN:
        # Some letters stand above others as accents do, and are letters to a database.
        return None if "LETTER" in unicodedata.name(character, "") else ""
    if character in _UNCERTAIN:
        return None
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold()).translate(_STROKES)
    seen = [part for part in parts if unicodedata.category(part) not in _UNSEEN]
    return "".join(seen) if seen and all(map(_is_certain, seen)) else None


def _is_certain(part: str) -> bool:
    """Return whether every collation takes the character for itself: printable ASCII, and letters of other scripts."""
    if part.isascii():
        return part.isalnum()
    return unicodedata.category(part) in _LETTERS and "LATIN" not in unicodedata.name(part, "LATIN")
