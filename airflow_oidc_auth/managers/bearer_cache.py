"""What was believed of identity providers' tokens a moment ago, so that it need not be verified again.

Keyed by SHA-256: memory holds no token. Bounded in number and by time, and never asked whether something is allowed:
revocation, admission and proof of possession are judged at each request.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from airflow_oidc_auth.sessions.session import Session

MAX_TOKENS = 10_000


def token_digest(token: str) -> bytes:
    """Return the key of a token; ASCII, as our middleware lets no other pass."""
    return hashlib.sha256(token.encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class Remembered:
    """A token that was believed, as the session that it stands for.

    :param issued_at: epoch seconds
    :param until: epoch seconds from which it is verified anew
    """

    session: Session
    issued_at: int
    until: float


class BearerCache:
    """Remember tokens; what was verified longest ago goes first. Any thread may clear it.

    :param clock: epoch seconds
    """

    def __init__(self, clock: Callable[[], float], *, limit: int = MAX_TOKENS) -> None:
        self._clock = clock
        self._limit = limit
        self._tokens: OrderedDict[bytes, Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tokens)

    def get(self, digest: bytes) -> Remembered | None:
        """Return what is remembered and still holds."""
        known = self._tokens.get(digest)
        if known is not None and known.until <= self._clock():
            self._tokens.pop(digest, None)
            return None
        return known

    def put(self, digest: bytes, known: Remembered) -> None:
        """Remember a token that was just believed."""
        tokens = self._tokens
        tokens.pop(digest, None)
        tokens[digest] = known
        while len(tokens) > self._limit:
            try:
                tokens.popitem(last=False)
            except KeyError:  # cleared meanwhile
                return

    def drop(self, digest: bytes) -> None:
        """Forget one."""
        self._tokens.pop(digest, None)

    def clear(self) -> None:
        """Forget all."""
        self._tokens.clear()
