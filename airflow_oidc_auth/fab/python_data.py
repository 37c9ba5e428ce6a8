"""From values of a Python program to plain data: what YAML could not have said is a problem with its exact place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from airflow_oidc_auth.config.paths import Path, has_control_characters
from airflow_oidc_auth.config.strict_yaml import MAX_DEPTH, MAX_VALUES

Complain = Callable[[Path, str, str], None]
_INSTEAD = {
    "tuple": "a list in brackets: [item, item]",
    "set": "a list in brackets: [item, item]",
    "frozenset": "a list in brackets: [item, item]",
    "bytes": "text: str, not bytes",
}


class PlainData:
    """Copies values; what it cannot copy becomes empty text and a complaint. Never shows a value.

    :param complain: takes path, text and suggestion
    """

    def __init__(self, complain: Complain) -> None:
        self._complain = complain
        self._values = 0
        self.too_much = False

    def copy(self, value: object, path: Path = ()) -> object:
        """Return a copy made of dict, list, str, int, float, bool and None only."""
        self._values += 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            if not self.too_much:
                self._complain(path[:4], "is nested too deeply, or too large", "does it hold itself?")
            self.too_much, self._values = True, MAX_VALUES
            return ""
        if isinstance(value, Mapping):
            return {key: self.copy(each, (*path, key)) for key, each in value.items() if self._is_key(key, path)}
        if isinstance(value, list):
            return [self.copy(each, (*path, index)) for index, each in enumerate(value)]
        return self._scalar(value, path)

    def _scalar(self, value: object, path: Path) -> object:
        # Exact types: what only looks like text (a proxy, a lazy translation) may be another text a moment later.
        if type(value) is str:
            if not has_control_characters(value):
                return value
            self._complain(path, "holds control characters", "remove them")
        elif value is None or type(value) in (bool, int) or (type(value) is float and math.isfinite(value)):
            return value
        else:
            kind = type(value).__name__
            article = "an" if kind[0] in "aeiouAEIOU" else "a"
            instead = _INSTEAD.get(kind, "text, a number, True or False, a list or a dict")
            self._complain(path, f"is {article} {kind}, which the document cannot hold", f"write {instead}")
        return ""

    def _is_key(self, key: object, path: Path) -> bool:
        if type(key) is not str:
            self._complain(path, f"has a key that is not text but {type(key).__name__}", "write keys in quotes")
        elif not key or len(key) > 1000 or has_control_characters(key):
            self._complain(path, "has a key that is empty, very long, or holds control characters", "correct it")
        else:
            return True
        return False
