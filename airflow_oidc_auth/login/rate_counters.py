"""Count tries in windows that begin with the first of them: in memory, and in a store that the API servers share.

Both count everything. The memory answers at once and is never more generous than its limit; the shared store can only
add that others were tried, too. So nothing opens when it goes away, and a flood from one address ends before it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.secret import Secret

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.storage import Storage

log = logging.getLogger(__name__)

MAX_WINDOWS = 20_000
"""Per limit; about 3 MB. Beyond that the oldest windows go: newcomers are nobody's victims."""
SHARED_TIMEOUT = 0.5
"""Seconds that a request waits for the shared store."""
SHARED_PAUSE = 5.0
"""Seconds for which a failing store is not asked again."""


@dataclass(frozen=True, slots=True)
class Count:
    """:param number: tries in this window, this one included
    :param seconds_left: until the window ends
    """

    number: int
    seconds_left: float


class MemoryCounter:
    """The windows of one limit in this process. Used on the event loop only.

    :param seconds: length of a window
    :param monotonic: a clock that nobody sets
    """

    def __init__(self, seconds: int, monotonic: Callable[[], float], max_windows: int = MAX_WINDOWS) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._max_windows = max_windows
        # In the order in which they end, because all are equally long. A dict would search for its first item.
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def hit(self, key: str) -> Count:
        """Count one try."""
        now = self._monotonic()
        self._drop_ended(now)
        number, end = self._windows.get(key) or (0, now + self._seconds)
        if not number and len(self._windows) >= self._max_windows:
            self._windows.popitem(last=False)
        self._windows[key] = number + 1, end
        return Count(number + 1, end - now)

    def take_back(self, key: str) -> None:
        """Count one try less, in whichever window it was: a window without a try is none."""
        number, end = self._windows.get(key) or (0, 0.0)
        if number > 1:
            self._windows[key] = number - 1, end
        else:
            self._windows.pop(key, None)

    def _drop_ended(self, now: float) -> None:
        while self._windows and next(iter(self._windows.values()))[1] <= now:
            self._windows.popitem(last=False)


class SharedCounter:
    """The windows of all API servers in one store, asked on threads of its own.

    :param uri: what the ``limits`` package opens: ``redis://``, ``rediss://`` or ``redis+unix://``
    :param prefix: of every key, so that several Airflows may share a store
    """

    def __init__(self, uri: Secret, prefix: str, monotonic: Callable[[], float]) -> None:
        from airflow_oidc_auth.providers.pool import ProviderPool

        self._storage = _open(uri)
        self._prefix = prefix
        self._monotonic = monotonic
        self._pool = ProviderPool("rate-limits", workers=2, waiting=8, deadline=SHARED_TIMEOUT)
        self._silent_until = 0.0
        self.is_failing = False

    async def hit(self, item: RateLimitItem, key: str) -> Count | None:
        """Count one try; None where the store does not say, and memory has to do."""
        if self._monotonic() < self._silent_until:
            return None
        try:
            count = await self._pool.run(self._hit, item, f"{self._prefix}:{key}")
        except ProviderError as error:
            if error.code != "provider_busy":  # too many wait: that may be a flood, and says nothing of the store
                self._note_failure(error.code)
            return None
        if isinstance(count, str):
            self._note_failure(count)
            return None
        self._note_success()
        return count

    def close(self) -> None:
        """Ask no more."""
        self._pool.close()

    def _hit(self, item: RateLimitItem, key: str) -> Count | str:
        """Return the count, or the name of what went wrong. Blocks for a bounded time."""
        return _hit(self._storage, item, key)

    def _note_failure(self, what: str) -> None:
        self._silent_until = self._monotonic() + SHARED_PAUSE
        if not self.is_failing:
            self.is_failing = True
            log.warning("rate_limits: the shared store fails (%s); until it is back each API server counts alone", what)

    def _note_success(self) -> None:
        if self.is_failing:
            self.is_failing = False
            log.warning("rate_limits: the shared store is back; the API servers count together again")


def probe_store(uri: Secret) -> str:
    """Return the name of what goes wrong with a store, empty for nothing. Blocks for a bounded time."""
    from limits import parse

    count = _hit(_open(uri), parse("1/second"), "airflow-oidc-auth:probe")
    return count if isinstance(count, str) else ""


def _hit(storage: Storage, item: RateLimitItem, key: str) -> Count | str:
    from limits.errors import StorageError

    try:
        number = int(storage.incr(key, item.get_expiry()))
        left = storage.get_expiry(key) - time.time() if number > item.amount else 0.0
    except StorageError as error:
        return type(error.__cause__ or error).__name__  # its text may name what is in the URI
    except (OSError, ValueError, TypeError) as error:
        return type(error).__name__
    return Count(number, min(max(left, 1.0), float(item.get_expiry())))


def _open(uri: Secret) -> Storage:
    """Return the store; calls nobody yet."""
    from limits.storage import storage_from_string

    waits = {"socket_timeout": SHARED_TIMEOUT, "socket_connect_timeout": SHARED_TIMEOUT}
    return storage_from_string(uri.reveal(), wrap_exceptions=True, **waits)  # type: ignore[return-value]
