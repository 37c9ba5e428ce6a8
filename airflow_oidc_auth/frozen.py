"""Frozen values at the price of others, for those that each request makes anew.

A frozen dataclass sets each field by ``object.__setattr__``, at five times the price of an assignment; a session has
26 fields. Knows no value in particular.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields, is_dataclass, make_dataclass
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def constructor_of(kind: Callable[P, T]) -> Callable[P, T]:
    """Return what makes objects of a frozen dataclass with slots, from the same arguments.

    Each is filled as one of a class with the same slots that is not frozen, and is then made one of ``kind``, which
    Python allows between classes with the same slots and nothing else ("Data model", ``object.__class__``). Whoever
    gets it cannot tell it from any other.

    :raises TypeError: it is no such class, or it has a ``__post_init__``, which would be left out
    """
    if not (isinstance(kind, type) and is_dataclass(kind) and "__slots__" in vars(kind)):
        raise TypeError(f"{kind!r} is no dataclass with slots")
    if hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind!r} has a __post_init__")

    def become(self: Any) -> None:
        self.__class__ = kind

    same = [
        (each.name, object, field(default=each.default, default_factory=each.default_factory)) for each in fields(kind)
    ]
    return cast("Callable[P, T]", make_dataclass(kind.__name__, same, slots=True, namespace={"__post_init__": become}))
