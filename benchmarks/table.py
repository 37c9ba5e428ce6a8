"""One table: a row per measure, a column per manager, and how the others compare with ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

COLUMNS = ("ours", "FAB-mode", "Simple", "FAB", "Keycloak")
RATIOS = (("ours", "Simple"), ("ours", "FAB"), ("ours", "Keycloak"), ("FAB-mode", "FAB"))


@dataclass(frozen=True)
class Row:
    """One measure.

    :param values: by manager; a manager that has no such thing is missing
    :param unit: ``s`` (less is better), ``/s`` (more is better), ``MB``, or nothing for a number (less is better)
    """

    measure: str
    values: dict[str, float]
    unit: str = "s"


def render(rows: list[Row]) -> str:
    head = ["measure (median)", *COLUMNS, *(f"{one} vs {other}" for one, other in RATIOS)]
    lines = [head, *(_line(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([shown[0], rule, *shown[1:]])


def _line(row: Row) -> list[str]:
    values = [_show(row.values.get(name), row.unit) for name in COLUMNS]
    return [row.measure, *values, *(_ratio(row, *pair) for pair in RATIOS)]


def _ratio(row: Row, one: str, other: str) -> str:
    ours, theirs = row.values.get(one), row.values.get(other)
    if not ours or not theirs:
        return "—"
    if row.unit == "MB":
        return f"{ours - theirs:+.0f} MB"
    better = ours / theirs if row.unit == "/s" else theirs / ours
    return f"{better:,.0f}x" if better >= 10 else f"{better:.2f}x"


def _show(value: float | None, unit: str) -> str:
    if value is None:
        return "—"
    if unit == "MB":
        return f"{value:.0f} MB"
    if not unit:
        return f"{value:g}"
    if unit == "/s":
        return f"{value:,.0f}/s" if value >= 10 else f"{value:.2f}/s"
    scales: tuple[tuple[float, Callable[[float], str]], ...] = (
        (1e-6, lambda v: f"{v * 1e9:.0f} ns"),
        (1e-3, lambda v: f"{v * 1e6:.2f} µs"),
        (1.0, lambda v: f"{v * 1e3:.2f} ms"),
    )
    return next((show(value) for limit, show in scales if value < limit), f"{value:.2f} s")
