"""What one process remembers of its own chain: the last link, and which rows nobody has signed for yet.

The order is given under a lock that is held for some hashing, never while the database is asked: a slow database must
not queue sign-ins behind each other. A row that then cannot be written leaves a number without a row; the next
statement says so. While nothing can be signed, rows wait here, at most :data:`MAX_WAITING` of them; whatever comes then
is written without a place, and the statement that can be stored at last says how many.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from airflow_oidc_auth.audit.chain.keys import SigningKey
from airflow_oidc_auth.audit.chain.row import Content, add_link, add_place, first_link, leaf_of_content, next_link
from airflow_oidc_auth.audit.chain.statement import BEGIN, ROWS, Statement, digest_of

MAX_BLOCK = 1024
MAX_WAITING = 50_000
"""Rows of 240 bytes each: hours of a busy server."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A row that is ready to be written.

    :param moment: microseconds since the epoch
    """

    seq: int
    moment: int
    extra: str


@dataclass(slots=True)
class _Waiting:
    moment: int
    leaf: bytes
    link: bytes
    written: bool | None = None


class Chain:
    """The chain of one process. Thread-safe; nothing here blocks.

    :param key: signs the beginning
    :param now: epoch seconds
    :param salt: returns a fresh salt of 22 characters of base64url
    :param most: rows that may wait for their signature
    """

    def __init__(
        self, chain_id: str, key: SigningKey, now: int, salt: Callable[[], str], *, most: int = MAX_WAITING
    ) -> None:
        self.id = chain_id
        self.genesis = key.sign(Statement(BEGIN, chain_id, 0, 0, now))
        self._salt = salt
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._first = 1
        self._signed_link = self._link = first_link(self.genesis)
        self._digest = digest_of(self.genesis)
        self._moment = 0
        self._unsealed: tuple[int, ...] = ()

    def seal(self, content: Content) -> Sealed | None:
        """Give a row its place. It must be settled (:meth:`settle`), whatever becomes of it.

        :return: None while too many rows wait: this one is written as it is, then told to :meth:`leave_out`
        """
        salt = self._salt()
        with self._lock:
            if len(self._waiting) >= self._most:
                return None
            # Never back in time, whatever the clock does: --since and --before rely on it.
            self._moment = max(self._moment, content.moment)
            seq = self._first + len(self._waiting)
            unlinked = add_place(content.extra, self.id, seq, salt)
            leaf = leaf_of_content(replace(content, moment=self._moment), unlinked)
            self._link = next_link(self._link, leaf)
            self._waiting.append(_Waiting(self._moment, leaf, self._link))
            return Sealed(seq, self._moment, add_link(unlinked, self._link))

    def settle(self, seq: int, *, written: bool) -> None:
        """Say whether a row that was sealed is in the database now."""
        with self._lock:
            self._waiting[seq - self._first].written = written

    def leave_out(self, moment: int) -> None:
        """Count a row that was written without a place.

        :param moment: microseconds since the epoch
        """
        with self._lock:
            number, began, ended = self._unsealed or (0, moment, moment)
            self._unsealed = number + 1, min(began, moment), max(ended, moment)

    def left_out(self) -> tuple[bool, int]:
        """Return whether rows get no place now, and how many got none since the last statement."""
        with self._lock:
            return len(self._waiting) >= self._most, self._unsealed[0] if self._unsealed else 0

    def unsigned(self) -> tuple[int, int]:
        """Return how many rows wait for a signature, and the time of the oldest one in microseconds."""
        with self._lock:
            return len(self._waiting), self._waiting[0].moment if self._waiting else 0

    def draft(self, now: int, seen: tuple[tuple[str, int], ...] = (), *, closing: bool = False) -> Statement | None:
        """Return what is to be signed next: the oldest rows whose fate is known; None for nothing.

        The same rows are drafted again until :meth:`sign_off`.

        :param closing: the last statement of the process, worth making without a row
        """
        with self._lock:
            block = self._settled()
            if not block and not closing:
                return None
            last = self._first + len(block) - 1
            whole = len(block) == len(self._waiting)
            # Those came after all that waits: said any earlier, a prune could take the word and leave the rows.
            unsealed = self._unsealed if whole else ()
            return Statement(
                ROWS,
                self.id,
                self._first,
                last,
                now,
                previous=self._digest,
                before=self._signed_link,
                link=block[-1].link if block else self._signed_link,
                leaves=b"".join(each.leaf for each in block),
                began=block[0].moment if block else 0,
                ended=max([each.moment for each in block[-1:]] + [*unsealed[2:]], default=0),
                numbers=tuple(self._first + at for at, each in enumerate(block) if not each.written),
                seen=seen,
                closing=closing and whole,
                unsealed=unsealed,
            )

    def sign_off(self, statement: Statement, text: str) -> None:
        """Forget the rows of a draft that was signed and stored."""
        with self._lock:
            for _ in range(statement.last - statement.first + 1):
                self._waiting.popleft()
            self._first = statement.last + 1
            self._signed_link, self._digest = statement.link, digest_of(text)
            self._unsealed = _without(self._unsealed, statement.unsealed)

    def _settled(self) -> list[_Waiting]:
        block: list[_Waiting] = []
        for each in self._waiting:
            if each.written is None or len(block) == MAX_BLOCK:
                break
            block.append(each)
        return block


def _without(counted: tuple[int, ...], told: tuple[int, ...]) -> tuple[int, ...]:
    """Return what is still to be told of rows without a place."""
    if not told:
        return counted
    return (counted[0] - told[0], told[2], counted[2]) if counted[0] > told[0] else ()
