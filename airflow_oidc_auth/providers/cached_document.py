"""A document of the IdP's, fetched once, refreshed in the background, kept when the IdP is down."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from airflow_oidc_auth.errors import OidcAuthError, ProviderError

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
Spawn = Callable[[Callable[[], None]], None]


def in_background(work: Callable[[], None]) -> None:
    """Run on a thread of its own that does not keep the process alive."""
    threading.Thread(target=work, name="oidc-refresh", daemon=True).start()


class CachedDocument(Generic[T]):
    """One value behind a fetch.

    Only the very first fetch is waited for, by one thread at a time; after a failure the same error is
    repeated for a few seconds, so that a dead IdP does not cost every sign-in its timeout.

    :param fetch: raises :class:`ProviderError`
    :param clock: seconds
    :param max_age: seconds after which a value is refreshed in the background
    :param retry_after: seconds between two failing refreshes
    """

    def __init__(
        self,
        fetch: Callable[[], T],
        clock: Callable[[], float],
        *,
        max_age: float = 3600.0,
        retry_after: float = 60.0,
        fail_fast: float = 3.0,
        spawn: Spawn = in_background,
    ) -> None:
        self._fetch, self._clock, self._spawn = fetch, clock, spawn
        self._max_age, self._retry_after, self._fail_fast = max_age, retry_after, fail_fast
        self._lock = threading.Lock()
        self._state = threading.Lock()
        self._value: T | None = None
        self._refresh_at = 0.0
        self._failure: tuple[float, ProviderError] | None = None
        self._refreshing = False

    def peek(self) -> T | None:
        """Return what is known, without any I/O."""
        return self._value

    def get(self) -> T:
        """Return the value, however old; fetch only if there is none yet."""
        value = self._value
        if value is None:
            return self._first()
        if self._clock() >= self._refresh_at and self._claim_refresh():
            self._spawn(self._refresh)
        return value

    def refetch(self) -> T:
        """Fetch now and return the new value; on failure the old value stays and the error is raised."""
        value = self._fetch()
        self._keep(value)
        return value

    def _first(self) -> T:
        with self._lock:
            if self._value is not None:
                return self._value
            if self._failure and 0 <= self._clock() - self._failure[0] < self._fail_fast:
                known = self._failure[1]
                raise ProviderError(known.code, known.detail, hint=known.hint, evidence=known.evidence)
            try:
                return self.refetch()
            except ProviderError as error:
                self._failure = (self._clock(), error)
                raise

    def _keep(self, value: T) -> None:
        self._value, self._failure = value, None
        self._refresh_at = self._clock() + self._max_age

    def _claim_refresh(self) -> bool:
        with self._state:
            if self._refreshing or self._clock() < self._refresh_at:
                return False
            self._refreshing = True
            return True

    def _refresh(self) -> None:
        try:
            self.refetch()
        except OidcAuthError as error:
            _LOG.warning("the identity provider's document could not be refreshed, the old one stays: %s", error)
        finally:
            # Also after an unplanned error: otherwise no refresh would ever be tried again.
            with self._state:
                self._refreshing = False
                self._refresh_at = max(self._refresh_at, self._clock() + self._retry_after)
