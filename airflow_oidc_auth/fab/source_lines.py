"""Where a Python file sets its names and the keys below them, read without running it.

Best effort: what is built by a function has no line of its own and is told at the line of its name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.config.paths import Path


@dataclass(frozen=True, slots=True)
class SourceLines:
    """Lines by path; the first step is the name (``("OIDC_AUTH", "providers", "okta")``).

    :param twice: paths of keys that a dict holds twice, of which Python keeps the last without a word
    """

    by_path: Mapping[Path, int] = field(default_factory=dict)
    twice: tuple[Path, ...] = ()

    def of(self, name: str) -> int | None:
        """Return the line of a name, if it is known."""
        return self.by_path.get((name,))

    def below(self, name: str) -> dict[Path, int]:
        """Return the lines below a name, by path from there."""
        return {path[1:]: line for path, line in self.by_path.items() if path[0] == name}

    def twice_below(self, name: str) -> tuple[Path, ...]:
        """Return the keys below a name that are written twice, by path from there."""
        return tuple(path[1:] for path in self.twice if path[0] == name)


def read_source_lines(text: bytes) -> SourceLines:
    """Find the lines; none if the text is not Python (running it will say so)."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return SourceLines()
    lines: dict[Path, int] = {}
    twice: list[Path] = []
    for name, node in _assignments(tree):
        lines = {path: line for path, line in lines.items() if path[0] != name}
        twice = [path for path in twice if path[0] != name]
        lines[name,] = node.lineno
        _walk((name,), node, lines, twice)
    return SourceLines(lines, tuple(twice))


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is assigned to plain names, in the order of the file; the last one counts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _walk(path: Path, node: ast.expr, lines: dict[Path, int], twice: list[Path]) -> None:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                below = (*path, key.value)
                if below in lines:
                    twice.append(below)
                lines[below] = key.lineno
                _walk(below, value, lines, twice)
    elif isinstance(node, ast.List):
        for index, value in enumerate(node.elts):
            below = (*path, index)
            lines[below] = value.lineno
            _walk(below, value, lines, twice)
