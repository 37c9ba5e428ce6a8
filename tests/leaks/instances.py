"""An instance of any dataclass of ours with a mark in each place that may hold a secret."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import re
import types
import typing
import warnings
from collections import abc
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import airflow_oidc_auth
from airflow_oidc_auth.secret import Secret

MARK = "Xq7-this-is-a-secret-hunter2-Zk"
FOUND = re.compile(rf"{MARK}<([^>]*)>")
# The fake IdP's: what it holds is made up, and tests look at it.
_PASSED_OVER = ("airflow_oidc_auth.testing", "airflow_oidc_auth.sessions.migrations")
SENSITIVE = frozenset(
    {"secret", "secrets", "token", "tokens", "password", "passphrase", "verifier", "nonce", "assertion", "credential"}
    | {"credentials", "cookie", "cookies", "signature", "claims", "jwt", "proof", "proofs", "pem", "body", "form"}
    | {"parameters", "fields", "state", "query", "fernet", "csrf", "userinfo", "authorization"}
)
"""A field one of whose words is here may hold something that nobody should read."""


def classes() -> Iterator[type]:
    """Yield every class that this package defines, new ones too."""
    for module in pkgutil.walk_packages(airflow_oidc_auth.__path__, "airflow_oidc_auth."):
        if not module.name.startswith(_PASSED_OVER):
            with warnings.catch_warnings():
                # FAB and Airflow import deprecated names of others.
                warnings.simplefilter("ignore")
                members = vars(importlib.import_module(module.name)).values()
            yield from (each for each in members if inspect.isclass(each) and each.__module__ == module.name)


def is_sensitive(field: dataclasses.Field[Any]) -> bool:
    """Tell by its name whether a text in this field may be a secret."""
    return not SENSITIVE.isdisjoint(field.name.split("_"))


def holds_secret(hint: object) -> bool:
    """Tell whether a value of this type may hold a :class:`Secret`."""
    return hint is Secret or any(holds_secret(part) for part in typing.get_args(hint))


@dataclasses.dataclass(frozen=True)
class Maker:
    """Makes instances.

    :param harmless: fields whose name sounds worse than what they hold
    :param texts: mark plain texts too, not only what is a :class:`Secret`
    """

    harmless: Collection[str] = ()
    texts: bool = True

    def make(self, kind: type, depth: int = 0) -> Any:
        """Return an instance without asking its constructor, which would refuse the marks in places."""
        hints = typing.get_type_hints(kind)
        made = object.__new__(kind)
        for field in dataclasses.fields(kind):
            place = f"{kind.__qualname__}.{field.name}"
            marked = self.texts and is_sensitive(field) and place not in self.harmless
            value = self._value(hints[field.name], f"{MARK}<{place}>", depth, marked=marked)
            object.__setattr__(made, field.name, value)
        return made

    def _value(self, hint: Any, mark: str, depth: int, *, marked: bool) -> Any:
        if hint in _PLAIN:
            return _PLAIN[hint](mark if marked or hint is Secret else "1")
        if inspect.isclass(hint) and issubclass(hint, enum.Enum):
            return next(iter(hint))
        if dataclasses.is_dataclass(hint) and depth < 4:
            return self.make(typing.cast("type", hint), depth + 1)
        return self._composed(hint, mark, depth, marked=marked)

    def _composed(self, hint: Any, mark: str, depth: int, *, marked: bool) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        inner = [each for each in arguments if each not in (type(None), Ellipsis)]
        if origin in (typing.Union, types.UnionType):
            return self._value(_most_telling(inner), mark, depth, marked=marked)
        if origin is typing.Literal:
            return inner[0]
        if origin in (dict, abc.Mapping):
            return {_plain(inner[0]): self._value(inner[1], mark, depth, marked=marked)}
        if origin in _MANY and inner:
            return tuple(self._value(each, mark, depth, marked=marked) for each in inner)
        return None


_PLAIN: Mapping[Any, Callable[[str], object]] = {
    Secret: Secret,
    str: str,
    object: str,
    Any: str,
    bytes: str.encode,
    int: lambda _: 1,
    float: lambda _: 1.0,
    bool: lambda _: True,
}
_MANY = (list, set, frozenset, tuple, abc.Sequence, abc.Collection, abc.Iterable, abc.Set)


def _plain(hint: Any) -> Any:
    return () if typing.get_origin(hint) is tuple else "key"


def _most_telling(hints: list[Any]) -> Any:
    """Of several types take the one that could hold a secret."""
    ranked = sorted(hints, key=lambda each: (not holds_secret(each), not dataclasses.is_dataclass(each)))
    return ranked[0]
