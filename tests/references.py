"""References to tests in documents, and whether they are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
REFERENCE = re.compile(r"tests/[\w./-]+\.py(?:::\w+)?")


@cache
def tests_in(file: Path) -> frozenset[str]:
    """Return the names of a file's test functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in names if name.startswith("test_"))


def problem_of(reference: str) -> str:
    """Say why a reference (``tests/file.py`` or ``tests/file.py::test``) leads nowhere; empty if it does not."""
    path, _, test = reference.partition("::")
    file = ROOT / path
    if not file.is_file():
        return f"{reference}: no such file"
    found = tests_in(file)
    if test and test.partition("[")[0] not in found:
        return f"{reference}: no such test"
    return "" if found else f"{reference}: a file without tests"


def problems_in(text: str) -> list[str]:
    """Return what is wrong with the references of a document."""
    return [problem for each in REFERENCE.findall(text) if (problem := problem_of(each))]
