"""Places in a document: how they are written for people, and how near-misses are recognised."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

Path = tuple["str | int", ...]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def format_path(path: Sequence[str | int]) -> str:
    """Write a path as ``providers.okta.groups[0].claim``; unusual keys are quoted in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{shorten(step)}"]'
    return text or "(document)"


_STEP = re.compile(r"\[(\d+)\]|\[\"([^\"]*)\"\]|([^.\[\]]+)")


def parse_path(text: str) -> Path:
    """Read what :func:`format_path` writes; what it cannot read it takes as names."""
    return tuple(int(number) if number else quoted or name for number, quoted, name in _STEP.findall(text))


def shorten(text: str, limit: int = 60) -> str:
    """Cut what people typed to a length that fits one line, without control characters."""
    printable = "".join(char if char.isprintable() else "�" for char in text[: limit + 1])
    return printable if len(printable) <= limit else printable[:limit] + "…"


_SECRET_KEYS = frozenset({"client_secret", "private_key", "signing_key", "decryption_key"})
# Plain words, which other parts of the document may use as names.
_SECRET_KEYS_OF = {"tokens": "secret", "rate_limits": "storage"}


def holds_secret(path: Path) -> bool:
    """Tell whether the last step of a path holds a reference to a secret."""
    return bool(path) and (path[-1] in _SECRET_KEYS or _SECRET_KEYS_OF.get(str(path[0])) == path[-1])


def conceal(path: Path) -> Path:
    """Cut a path at a key that holds a reference to a secret: what is written below may be the secret itself."""
    cut = (path[:length] for length in range(1, len(path) + 1) if holds_secret(path[:length]))
    return next(cut, path)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean X?`` for the nearest known word, or the empty string."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word[:100].lower(), names, n=1, cutoff=0.6)
    return f"did you mean {names[near[0]]}?" if near else ""


def one_of(known: Iterable[str]) -> str:
    """Return ``use one of: a, b, c``."""
    return f"use one of: {', '.join(known)}"


_CONTROLS = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")


def has_control_characters(text: str) -> bool:
    """Tell C0 and C1 controls (log forging) and lone surrogates (cannot be encoded); line ends and tabs pass."""
    return _CONTROLS.search(text) is not None
