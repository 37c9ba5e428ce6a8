"""The small mistakes that mutants have: an operator takes a piece of a program and yields what could stand instead."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

Pieces = Iterator[ast.AST]

_OPPOSITE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
}
_OTHER_OPERATOR: dict[type[ast.operator], ast.operator] = {
    ast.BitOr: ast.BitAnd(),
    ast.BitAnd: ast.BitOr(),
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.LShift: ast.RShift(),
    ast.RShift: ast.LShift(),
}
_OTHER_FUNCTION = {
    "any": "all",
    "all": "any",
    "sorted": "list",
    "min": "max",
    "max": "min",
    "bisect_left": "bisect_right",
    "bisect_right": "bisect_left",
}
_OTHER_METHOD = {
    "union": "intersection",
    "intersection": "union",
    "difference": "union",
    "isdisjoint": "issuperset",
    "matches": "could_match",
    "could_match": "matches",
    "startswith": "endswith",
    "endswith": "startswith",
}
_CHANGES_A_TEXT = frozenset({"casefold", "lower", "rstrip", "strip", "translate"})


def compare_otherwise(node: ast.Compare) -> Pieces:
    """``a < b`` → ``a <= b``, ``a >= b``."""
    if len(node.ops) == 1:
        for other in _OPPOSITE[type(node.ops[0])]:
            yield ast.Compare(node.left, [other()], node.comparators)


def change_condition(node: ast.BoolOp) -> Pieces:
    """``a and b`` → ``a or b``, ``a``, ``b``."""
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for index in range(len(node.values)):
        rest = _without(node.values, index)
        yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def drop_not(node: ast.UnaryOp) -> Pieces:
    """``not a`` → ``a``."""
    if isinstance(node.op, ast.Not):
        yield node.operand


def calculate_otherwise(node: ast.BinOp) -> Pieces:
    """``a | b`` → ``a & b``, ``a``, ``b``."""
    if other := _OTHER_OPERATOR.get(type(node.op)):
        yield ast.BinOp(node.left, other, node.right)
    yield from (node.left, node.right)


def change_constant(node: ast.Constant) -> Pieces:
    """``True`` → ``False``, ``1`` → ``2``, ``"GET"`` → ``"GETXX"``."""
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node.value, str):
        yield ast.Constant(f"{node.value}XX")


def drop_element(node: ast.List | ast.Set | ast.Tuple) -> Pieces:
    """``{a, b}`` → ``{a}``, ``{b}``; of tuples, those that are lists of something."""
    if not isinstance(node, ast.Tuple) or _is_enumeration(node):
        for index in range(len(node.elts)):
            rest = _without(node.elts, index)
            yield ast.Call(ast.Name("set"), [], []) if isinstance(node, ast.Set) and not rest else _display(node, rest)


def drop_entry(node: ast.Dict) -> Pieces:
    """``{a: b, c: d}`` → ``{a: b}``, ``{c: d}``."""
    for index in range(len(node.keys)):
        yield ast.Dict(_without(node.keys, index), _without(node.values, index))


def call_otherwise(node: ast.Call) -> Pieces:
    """``any(a)`` → ``all(a)``, ``a.get(b, c)`` → ``c``, ``a.lower()`` → ``a``, ``filter(a, b)`` → ``b``, …"""
    if isinstance(node.func, ast.Name):
        yield from _call_another_function(node, node.func.id)
    if isinstance(node.func, ast.Attribute):
        yield from _call_another_method(node, node.func)
    for index, argument in enumerate(node.args):
        if isinstance(argument, ast.Starred):
            yield ast.Call(node.func, _without(node.args, index), node.keywords)


def _call_another_function(node: ast.Call, name: str) -> Pieces:
    if other := _OTHER_FUNCTION.get(name):
        yield ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords)
    if name in {"filter", "map"}:
        yield node.args[1]


def _call_another_method(node: ast.Call, method: ast.Attribute) -> Pieces:
    if other := _OTHER_METHOD.get(method.attr):
        yield ast.Call(ast.Attribute(method.value, other, ast.Load()), node.args, node.keywords)
    if method.attr == "get" and len(node.args) > 1:
        yield node.args[1]
    if method.attr in _CHANGES_A_TEXT:
        yield method.value


def drop_statement(node: ast.stmt) -> Pieces:
    """Leave out what is done for its effect; a name that nothing is assigned to would only be noticed at once."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return
    yield ast.Pass()


def answer_otherwise(node: ast.Return) -> Pieces:
    """``return f(a)`` → ``return not f(a)``; for functions that return a truth value."""
    if isinstance(node.value, ast.Call | ast.Name | ast.Attribute):
        yield ast.Return(ast.UnaryOp(ast.Not(), node.value))


def decide_beforehand(node: ast.expr) -> Pieces:
    """Of a condition that something hangs on: ``True``, ``False``."""
    yield from (ast.Constant(value=True), ast.Constant(value=False))


OPERATORS: dict[type[ast.AST], Callable[..., Pieces]] = {
    ast.Compare: compare_otherwise,
    ast.BoolOp: change_condition,
    ast.UnaryOp: drop_not,
    ast.BinOp: calculate_otherwise,
    ast.Constant: change_constant,
    ast.List: drop_element,
    ast.Set: drop_element,
    ast.Tuple: drop_element,
    ast.Dict: drop_entry,
    ast.Call: call_otherwise,
    ast.Expr: drop_statement,
    ast.Assign: drop_statement,
    ast.AugAssign: drop_statement,
    ast.Continue: drop_statement,
    ast.Break: drop_statement,
    ast.Raise: drop_statement,
}


def _without(values: list, index: int) -> list:
    return values[:index] + values[index + 1 :]


def _is_enumeration(node: ast.Tuple) -> bool:
    """Whether it has as many elements as there are, rather than one for each place."""
    starred = any(isinstance(each, ast.Starred) for each in node.elts)
    return starred or all(isinstance(each, ast.Constant) for each in node.elts)


def _display(node: ast.List | ast.Set | ast.Tuple, elements: list[ast.expr]) -> ast.expr:
    return ast.Set(elements) if isinstance(node, ast.Set) else type(node)(elements, ast.Load())
