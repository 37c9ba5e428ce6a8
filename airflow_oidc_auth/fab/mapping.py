"""Read the mapping file: ``username,subject[,issuer]``, one FAB user per line, all mistakes at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_REQUIRED = ("username", "subject")
_COLUMNS = (*_REQUIRED, "issuer")


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One line that can be read.

    :param issuer: as written; None where the file leaves it to the provider
    """

    line: int
    username: str
    subject: str
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """One thing wrong in the file."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


def parse_mapping(data: bytes) -> tuple[tuple[MappingRow, ...], tuple[MappingProblem, ...]]:
    """Return the rows and the problems; whoever gets a problem must use none of the rows."""
    try:
        # Spreadsheets write a byte order mark, which would become part of the first column's name.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return (), (MappingProblem(data[: error.start].count(b"\n") + 1, "is not UTF-8 text"),)
    problems: list[MappingProblem] = []
    rows = tuple(_rows(text, problems))
    return rows, tuple(problems)


def _rows(text: str, problems: list[MappingProblem]) -> Iterator[MappingRow]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if problem := _header_problem(header):
            problems.append(MappingProblem(1, problem))
            return
        end = reader.line_num
        for cells in reader:
            line, end = end + 1, reader.line_num
            if any(cells):
                yield from _row(line, cells, header, problems)
    except csv.Error as error:
        problems.append(MappingProblem(reader.line_num, f"cannot be read as CSV: {error}"))


def _header_problem(header: Sequence[str]) -> str | None:
    if header[1:] == [] and ";" in "".join(header):
        return "columns are separated by commas, not semicolons"
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        return f"the header must name the columns username,subject and may name issuer; missing: {', '.join(missing)}"
    unknown = [name for name in header if name not in _COLUMNS]
    if unknown:
        return f"unknown column {unknown[0][:60]!r}; known: {', '.join(_COLUMNS)}"
    return "a column is named twice" if len(set(header)) != len(header) else None


def _row(
    line: int, cells: Sequence[str], header: Sequence[str], problems: list[MappingProblem]
) -> Iterator[MappingRow]:
    if len(cells) != len(header):
        problems.append(MappingProblem(line, f"has {len(cells)} cells, and the header has {len(header)}"))
        return
    row: Mapping[str, str] = dict(zip(header, cells, strict=True))
    empty = [name for name in _REQUIRED if not row[name].strip()]
    if empty:
        problems.append(MappingProblem(line, f"{' and '.join(empty)} must not be empty"))
        return
    yield MappingRow(line, row["username"], row["subject"], row.get("issuer") or None)
