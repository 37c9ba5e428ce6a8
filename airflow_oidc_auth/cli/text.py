"""Plain text for a terminal: aligned columns, wrapped at its width, no colours and nothing that moves the cursor."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.text import is_printable

INDENT = "  "
SUGGESTION = "→ "
_GAP = "  "
_WIDEST_COLUMN = 40
_NARROWEST_TEXT = 40


def printable(text: str) -> str:
    """Replace what a terminal would act on: claims and answers of an IdP are not ours."""
    return "".join(character if is_printable(character) else "\N{REPLACEMENT CHARACTER}" for character in text)


def section(title: str, lines: Iterable[str]) -> list[str]:
    """Return a headed block that ends with an empty line; nothing if there are no lines."""
    body = list(lines)
    return [printable(title), *body, ""] if body else []


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return indented lines with aligned columns; the last column wraps below itself.

    A row whose last cell holds several lines keeps them, each wrapped on its own.
    """
    cleaned = [[*map(printable, row[:-1]), row[-1]] for row in rows]
    columns = max((len(row) - 1 for row in cleaned), default=0)
    widths = [
        min(_WIDEST_COLUMN, max((len(row[n]) for row in cleaned if n < len(row) - 1), default=0))
        for n in range(columns)
    ]
    return [line for row in cleaned for line in _row(row, widths)]


def problem_rows(word: str, problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """Return rows that show each problem with its place, and the suggestion below it."""
    rows = []
    for problem in problems:
        where = f" ({problem.where})" if problem.where else ""
        tail = f"\n{SUGGESTION}{problem.suggestion}" if problem.suggestion else ""
        rows.append((word, f"{problem.path}: {problem.text}{where}{tail}"))
    return rows


def count(number: int, noun: str) -> str:
    """Return ``1 problem``, ``2 problems``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _row(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    head = INDENT + "".join(f"{cell:<{width}}{_GAP}" for cell, width in zip(row[:-1], widths, strict=False))
    room = max(_NARROWEST_TEXT, shutil.get_terminal_size((100, 24)).columns - len(head))
    lines: list[str] = []
    for line in row[-1].splitlines() or [""]:
        lines += _wrapped(printable(line), room)
    return [f"{head if n == 0 else ' ' * len(head)}{line}".rstrip() for n, line in enumerate(lines)]


def _wrapped(line: str, room: int) -> list[str]:
    # Suggestions and addresses stay whole: people copy commands and URLs from them.
    if line.startswith(SUGGESTION):
        return [line]
    return textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False) or [""]
