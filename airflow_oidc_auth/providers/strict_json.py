"""JSON from outside: one meaning or none."""

from __future__ import annotations

import json
from typing import NoReturn

MAX_DEPTH = 100
"""Levels of lists and objects. What the parser can read, a deeper stack elsewhere cannot write or walk again."""


def load_json(text: bytes | str) -> object:
    """Parse JSON; a name given twice, ``NaN`` and ``Infinity`` are errors.

    Two parsers that choose different ones of two equal names see two different tokens.

    :raises ValueError: not JSON, not UTF-8, nested too deeply, or ambiguous
    """
    # What decode() does, without its two patterns for the spaces around.
    bare = (text if isinstance(text, str) else text.decode("utf-8")).strip(_SPACES)
    try:
        document, end = _DECODER.raw_decode(bare)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if end != len(bare):
        raise ValueError("something follows")
    if bare.count("[") + bare.count("{") > MAX_DEPTH and _is_deep(document):
        raise ValueError("nested too deeply")
    return document


def _is_deep(document: object) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
        nested = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list))]
        level = [item for items in nested for item in items]
        if not level:
            return False
    return any(isinstance(each, (dict, list)) for each in level)


_SPACES = " \t\r\n"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name is given twice")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


# Made once: json.loads() makes a new one at each call that differs from its defaults.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
