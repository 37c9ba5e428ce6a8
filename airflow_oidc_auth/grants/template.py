"""Role and team names that take a part from a regular expression's captures, such as ``{team}``."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACE = re.compile(r"\{([^{}]*)\}")
# Whoever names groups at the IdP chooses this text: nothing that could mean something elsewhere gets through.
_SAFE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def placeholders(template: str) -> frozenset[str]:
    """Return the capture names that a template uses.

    :raises ValueError: an unbalanced or empty brace
    """
    rest = _PLACE.sub("", template)
    names = frozenset(_PLACE.findall(template))
    if "{" in rest or "}" in rest or not all(name.isidentifier() for name in names):
        raise ValueError("braces hold the name of a capture, as in '{team}'")
    return names


def fill(template: str, captures: Mapping[str, str]) -> str | None:
    """Return the filled template, or None if a capture is absent or holds unsafe text."""
    used = placeholders(template)
    if not all(_SAFE.fullmatch(captures.get(name, "")) for name in used):
        return None
    return _PLACE.sub(lambda place: captures[place[1]], template)


def could_become(template: str, name: str) -> bool:
    """Tell whether some capture turns the template into ``name``."""
    if "{" not in template:
        # Asked for each role and each rule: most name a role as it is.
        return template == name
    fixed = (re.escape(part) for part in _PLACE.split(template)[::2])
    return re.fullmatch(_SAFE.pattern.join(fixed), name) is not None
