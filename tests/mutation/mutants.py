"""All mutants of one module: what could be written wrong in it, one mistake each."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.mutation.operators import OPERATORS, Pieces, answer_otherwise, decide_beforehand

_NOT_DECIDING = ("annotation", "returns", "decorator_list", "bases", "ctx")
_CALLS_THAT_DECLARE = frozenset({"TypeVar", "field"})
_NAMES_THAT_DECLARE = frozenset({"__all__", "__slots__"})


@dataclass(frozen=True)
class Mutant:
    """A module with one mistake.

    :param module: ``policy.dag_rules``
    :param where: the function that has the mistake, ``DagRules.allows``; empty outside of functions
    :param lines: first and last of this function; of the whole module outside of functions
    :param change: what stood there, and what stands there now
    :param number: counts equal changes of one function
    :param source: all of the module
    """

    module: str
    line: int
    where: str
    lines: tuple[int, int] | None
    change: str
    number: int
    source: str = field(repr=False)

    @property
    def short(self) -> str:
        """The module without the name of the package that most are of: ``dag_rules``, ``grants.rules``."""
        return self.module.removeprefix("policy.")

    @property
    def name(self) -> str:
        """What the list of equivalent mutants calls it: the same as long as the code is, wherever it stands."""
        place = f"{self.short}.{self.where}" if self.where else self.short
        return f"{place}: {self.change}" + (f" ({self.number})" if self.number > 1 else "")


@dataclass(frozen=True)
class _Place:
    """Where a piece hangs in the tree."""

    parent: ast.AST
    field: str
    index: int | None
    function: ast.FunctionDef | None
    where: str

    @property
    def piece(self) -> ast.AST:
        value = getattr(self.parent, self.field)
        return value if self.index is None else value[self.index]

    def put(self, piece: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, piece)
        else:
            getattr(self.parent, self.field)[self.index] = piece


def find_mutants(module: str, source: str) -> list[Mutant]:
    """Return every mutant of the source, in the order of its lines; no two of them are the same program."""
    tree = ast.parse(source)
    found: list[Mutant] = []
    seen, changes = {ast.unparse(tree)}, Counter[tuple[str, str]]()
    for place in sorted(_places(tree, None, ""), key=lambda place: (place.piece.lineno, place.piece.col_offset)):
        lines = _lines(place.function) if place.function else None
        for new, mutated in _programs(tree, place):
            if mutated not in seen:
                seen.add(mutated)
                change = f"{_short(place.piece)} → {_short(new)}"
                changes[place.where, change] += 1
                number = changes[place.where, change]
                found.append(Mutant(module, place.piece.lineno, place.where, lines, change, number, mutated))
    return found


def _programs(tree: ast.Module, place: _Place) -> Iterator[tuple[ast.AST, str]]:
    """Yield what could stand in the place, and the program that has it there."""
    old = place.piece
    for new in list(_instead(place)):
        place.put(ast.copy_location(new, old))
        mutated = ast.unparse(tree)
        place.put(old)
        yield new, mutated


def _instead(place: _Place) -> Pieces:
    piece = place.piece
    if place.field in {"test", "ifs"}:
        yield from decide_beforehand(piece)
    if isinstance(piece, ast.Return) and place.function and ast.unparse(place.function.returns or piece) == "bool":
        yield from answer_otherwise(piece)
    if operator := OPERATORS.get(type(piece)):
        yield from operator(piece)


def _places(node: ast.AST, function: ast.FunctionDef | None, where: str) -> Iterator[_Place]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        where = f"{where}.{node.name}" if where else node.name
    if isinstance(node, ast.FunctionDef):
        function = node
    for name, value in ast.iter_fields(node):
        if name in _NOT_DECIDING:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not _declares(child, function):
                if isinstance(child, ast.arguments):
                    # Defaults are made with the function, not by it.
                    yield from _places(child, None, where)
                    continue
                if hasattr(child, "lineno"):
                    yield _Place(node, name, index, function, where)
                if not isinstance(child, ast.Raise | ast.JoinedStr):
                    yield from _places(child, function, where)


def _declares(node: ast.AST, function: ast.FunctionDef | None) -> bool:
    """Whether it is for readers, type checkers and the interpreter."""
    match node:
        case ast.Expr():
            return isinstance(node.value, ast.Constant)
        case ast.Call(func=ast.Name(name)):
            return name in _CALLS_THAT_DECLARE
        case ast.Assign(targets=[ast.Name(name)]) if function is None:
            return isinstance(node.value, ast.Subscript) or name in _NAMES_THAT_DECLARE
        case ast.AnnAssign(annotation=ast.Name("TypeAlias")) | ast.If(test=ast.Name("TYPE_CHECKING")):
            return True
        case ast.BinOp(left=ast.Constant(), right=ast.Constant()):
            # A size, ``8 << 20``.
            return True
        case _:
            return isinstance(node, ast.keyword) and node.arg == "strict"


def _lines(function: ast.FunctionDef) -> tuple[int, int]:
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return first, function.end_lineno or first


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else f"{text[:97]}..."
