"""Whether everything that comes with this package may: its licence is on the list of ``requirements/licences.toml``.

A package says its licence as an SPDX expression (PEP 639), in a field, or in classifiers. Words that are neither on the
list nor explained for that one package are refused, so that a change of licence is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib
from closure import Part


@dataclass(frozen=True, slots=True)
class Rules:
    """The list.

    :ivar allowed: SPDX identifiers
    :ivar words: what packages say instead, and the SPDX expression that they mean
    :ivar accepted: packages that a person has read, and the licence that they have
    """

    allowed: frozenset[str]
    words: Mapping[str, str]
    accepted: Mapping[str, str]


def read_rules(path: Path) -> Rules:
    """Read the list.

    :raises ValueError: a package is excepted without a reason
    """
    document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, entry in document["accepted"].items():
        if not entry.get("reason"):
            raise ValueError(f"{path.name}: {name} needs a reason")
    accepted = {name: entry["licence"] for name, entry in document["accepted"].items()}
    return Rules(frozenset(document["allowed"]), document["words"], accepted)


def licence_of(part: Part, rules: Rules) -> str:
    """Return an SPDX expression as far as it is known, with the package's own words in it where it is not."""
    if part.name in rules.accepted:
        return rules.accepted[part.name]
    if expression := part.metadata.get("License-Expression"):
        return str(expression)
    lines = part.metadata.get_all("Classifier") or ()
    said = {line.rpartition(" :: ")[2] for line in lines if line.startswith("License ::")} - {"OSI Approved"}
    # Two classifiers may mean both or either; who must not read them too kindly takes both.
    words = said or {str(part.metadata.get("License") or "").strip()}
    return " AND ".join(sorted({rules.words.get(word, word) for word in words}))


def is_allowed(expression: str, rules: Rules) -> bool:
    """Tell whether an SPDX expression is met by the list; one with parentheses or ``WITH`` is for a person to read."""
    choices = [choice.split(" AND ") for choice in expression.split(" OR ")]
    return any(all(name.strip() in rules.allowed for name in choice) for choice in choices)


def find_refused(parts: Mapping[str, Part], rules: Rules) -> dict[str, str]:
    """Return the parts that may not come, and what they say their licence is."""
    licences = {name: licence_of(part, rules) for name, part in parts.items() if name not in rules.accepted}
    return {name: licence for name, licence in licences.items() if not is_allowed(licence, rules)}
