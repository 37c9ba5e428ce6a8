"""A value that must not be seen: client secrets, tokens, codes, verifiers, keys.

It prints as ``Secret(…)``, refuses to be pickled or copied into JSON, and compares in constant time. The
only way to the value is :meth:`Secret.reveal`, so that every use can be found by searching for that word.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Hold a secret string.

    Empty values are refused: an empty secret is a configuration mistake, never a credential.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str) or not value:
            raise ValueError("a secret must be a non-empty string")
        self._value = value

    def reveal(self) -> str:
        """Return the value. Never put the result into a log, page, error or repr."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")
