"""What may stand in a name that reaches a log line, a page or a comparison."""

from __future__ import annotations

import unicodedata

# Cc and Zl/Zp forge log lines, Cf (bidi overrides, zero width) makes one name look like another, Cs cannot be
# encoded and would turn a login into a stack trace; Co and Cn have no agreed picture.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Zero width joiners belong to the spelling of names in several scripts, so a comparison keeps them.
_JOINERS = frozenset({"\u200c", "\u200d"})


def is_printable(character: str) -> bool:
    """Tell whether one character may be shown to a person."""
    return unicodedata.category(character) not in _UNPRINTABLE


def is_shown(text: str) -> bool:
    """Tell whether a whole text may be shown to a person."""
    return text.isprintable() if text.isascii() else all(map(is_printable, text))


def is_clean(text: str) -> bool:
    """Tell whether every character of a group name may be compared and shown."""
    return (text.isascii() and text.isprintable()) or all(is_printable(c) or c in _JOINERS for c in text)
