"""Who was just told that their good token gives them nothing here: for some seconds nobody is asked again.

A program that does not take no for an answer would otherwise have the database asked about its account each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from airflow_oidc_auth.errors import LoginRefused

DENIED_FOR = 5.0
MAX_DENIED = 1_000


class BearerDenials:
    """Remember denials by the token's digest.

    :param clock: epoch seconds
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._denied: OrderedDict[bytes, tuple[float, LoginRefused]] = OrderedDict()

    def check(self, digest: bytes) -> None:
        """Deny again what was denied a moment ago.

        :raises LoginRefused: as before
        """
        denied = self._denied.get(digest)
        if denied is None:
            return
        until, error = denied
        if self._clock() < until:
            raise LoginRefused(error.code, error.detail, hint=error.hint, evidence=error.evidence)
        self._denied.pop(digest, None)

    def add(self, digest: bytes, error: LoginRefused) -> None:
        """Remember a denial."""
        self._denied.pop(digest, None)
        self._denied[digest] = (self._clock() + DENIED_FOR, error)
        if len(self._denied) > MAX_DENIED:
            self._denied.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        self._denied.clear()
