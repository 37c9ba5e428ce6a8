"""One bounded CEL expression (https://cel.dev) over an identity.

The language has no loops but its macros and no I/O. What the runtime does not bound is bounded here: length, macro
nesting, the work that large claims cause, and the depth of claims (converting a very deep document would overflow
the runtime's stack and take the server down with it).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

VARIABLES = (
    *("claims", "groups", "email", "email_verified", "provider", "issuer", "subject"),
    *("delegated", "actors", "client_id"),
)
MAX_LENGTH = 1_024
MAX_NESTING = 2
MAX_STEPS = 100_000  # about 0.1 s at worst
MAX_DEPTH = 32
_REGEX_COST = 40  # the runtime compiles a pattern anew at every step

_MACRO_NAMES = r"all|exists|exists_one|existsOne|map|filter"
_TOKEN = re.compile(
    r"(?P<string>\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')|(?P<comment>//[^\n]*)"
    rf"|\.\s*(?P<macro>{_MACRO_NAMES})\s*\(\s*(?P<bound>\w+)?|(?P<open>\()|(?P<close>\))",
    re.DOTALL,
)
_FUNCTIONS = frozenset(
    {"contains", "startsWith", "endsWith", "matches", "size", "has", "string", "int", "uint", "double", "bytes", "bool"}
    | {"type", "dyn", "timestamp", "duration", "max", "min", "getFullYear", "getMonth", "getDayOfYear", "getDate"}
    | {"getDayOfMonth", "getDayOfWeek", "getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)
_TYPES = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"})


@dataclass(frozen=True, slots=True)
class CelOutcome:
    """``granted`` only for the boolean true; ``why`` never holds a claim's value."""

    why: str
    granted: bool = False


@dataclass(frozen=True, slots=True)
class CelExpression:
    """A compiled expression.

    :param variables: the variables it looks at, sorted
    :param nesting: how deeply its macros are nested
    """

    source: str
    variables: tuple[str, ...]
    nesting: int
    step_cost: int
    _program: Any

    def evaluate(self, variables: Mapping[str, object]) -> CelOutcome:
        """Evaluate; whatever is not the boolean true, errors included, does not grant."""
        used = {name: variables[name] for name in self.variables}
        largest = _largest_collection(used, self.source.count(",") + 1)
        if largest is None:
            return CelOutcome(f"the claims are nested deeper than {MAX_DEPTH} levels")
        if self.step_cost * largest**self.nesting > MAX_STEPS:
            return CelOutcome("evaluating it over so many items would cost too much")
        try:
            result = self._program.execute(used)
        except LookupError:
            return CelOutcome("a claim that it names is missing; guard it with has(…)")
        except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
            # The runtime's own text may quote claim values.
            return CelOutcome(f"it failed on these claims ({type(error).__name__})")
        if not isinstance(result, bool):
            return CelOutcome("its result is not true or false")
        return CelOutcome("it is true" if result else "it is false", granted=result)


def compile_cel(source: str) -> CelExpression:
    """Compile an expression.

    :raises ValueError: it is too long, too deeply nested, malformed, or names something unknown
    """
    if not source.strip() or len(source) > MAX_LENGTH:
        raise ValueError(f"an expression has 1 to {MAX_LENGTH} characters")
    macros = tuple(_macros(source))
    nesting = max((depth for depth, _ in macros), default=0)
    if nesting > MAX_NESTING:
        raise ValueError(f"macros such as exists(…) may be nested {MAX_NESTING} deep at most")
    program = _parse(source)
    references = program.references()
    bound = {name for _, name in macros}
    _refuse_unknown("function", {f for f in references["functions"] if f.isidentifier()}, _FUNCTIONS)
    named = set(references["variables"]) - bound - _TYPES
    _refuse_unknown("variable", named, frozenset(VARIABLES))
    cost = max(1, len(macros)) * (_REGEX_COST if "matches" in references["functions"] else 1)
    # A macro may bind the name of a variable; keep the variable then, since the two cannot be told apart.
    used = tuple(sorted(set(references["variables"]) & set(VARIABLES)))
    return CelExpression(source, used, nesting, cost, program)


def _parse(source: str) -> Any:
    try:
        # Imported only where a rule uses CEL: the package drags a command line along (0.2 s, 10 MB).
        import cel
    except ImportError:
        raise ValueError("CEL needs Python 3.11 or newer and the package common-expression-language") from None
    try:
        return cel.compile(source)
    except ValueError as error:
        line = next((text for text in str(error).splitlines() if "ERROR" in text), str(error))
        raise ValueError(line.partition("ERROR: ")[2] or line) from None


def _refuse_unknown(kind: str, named: set[str], known: frozenset[str]) -> None:
    for name in sorted(named - known):
        close = difflib.get_close_matches(name, known, 1)
        tail = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
        raise ValueError(f"unknown {kind} {name!r}; {tail}")


def _macros(source: str) -> Iterator[tuple[int, str | None]]:
    """Yield (depth, bound name) for each comprehension macro outside strings and comments."""
    stack: list[bool] = []
    for token in _TOKEN.finditer(source):
        if token["macro"]:
            stack.append(True)
            yield sum(stack), token["bound"]
        elif token["open"]:
            stack.append(False)
        elif token["close"] and stack:
            stack.pop()


def _largest_collection(document: object, at_least: int) -> int | None:
    """Return the size of the largest list or object, or None where the nesting is too deep."""
    largest, level = at_least, _items([document])
    for _ in range(MAX_DEPTH):
        level = [item for item in level if isinstance(item, Mapping | list | tuple)]
        if not level:
            return largest
        largest = max(largest, *map(len, level))
        level = _items(level)
    return None


def _items(level: Iterable[object]) -> list[Any]:
    items: list[Any] = []
    for item in level:
        if isinstance(item, Mapping):
            items.extend(item.values())
        elif isinstance(item, list | tuple):
            items.extend(item)
    return items
