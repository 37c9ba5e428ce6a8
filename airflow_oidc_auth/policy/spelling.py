"""One spelling for names that could mean the same thing: so that a denial cannot be spelled around.

Airflow finds things that are asked for by other spellings of their names: options in sections of any letter case,
connections from environment variables in any letter case, and on MySQL and MariaDB connections, pools and variables
also without accents, with spaces at the end, or with characters in between that count for nothing.
"""

from __future__ import annotations

import unicodedata

_STROKES = str.maketrans("øđłħŧı", "odlhti")
_IGNORED = frozenset({"Mn", "Me", "Cc", "Cf"})
"""Categories of accents, and of characters that are not seen."""


def fold_name(name: str) -> str:
    """Return the spelling that stands for all that some database takes for this one."""
    if name.isascii() and name.isprintable():
        return name.lower().rstrip(" ")
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold()).translate(_STROKES)
    return "".join(each for each in folded if unicodedata.category(each) not in _IGNORED).rstrip(" ")
