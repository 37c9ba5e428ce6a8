"""Fail closed: who has not heard for half a minute which sessions have ended cannot say whose session lives."""

from __future__ import annotations

import logging
from collections.abc import Callable

from airflow_oidc_auth.errors import SessionError

log = logging.getLogger(__name__)

STALE_AFTER = 30.0
CODE = "revocations_stale"


class Freshness:
    """Judged at each request from memory; it opens again by itself.

    :param stale_for: seconds since the revocations were read
    """

    def __init__(self, stale_for: Callable[[], float]) -> None:
        self._stale_for = stale_for
        self._told = False

    @property
    def is_stale(self) -> bool:
        """Tell whether nobody gets in; the first to notice a change logs it."""
        seconds = self._stale_for()
        stale = seconds >= STALE_AFTER
        if stale != self._told:
            self._tell(seconds, stale=stale)
        return stale

    def check(self) -> None:
        """Let nobody in while revocations are stale.

        :raises SessionError: ``revocations_stale``
        """
        # Each request comes by here, and nearly always this is all.
        if self._stale_for() < STALE_AFTER and not self._told:
            return
        if self.is_stale:
            raise SessionError(CODE, f"no revocations for {self._stale_for():.0f} s")

    def _tell(self, seconds: float, *, stale: bool) -> None:
        self._told = stale
        if stale:
            log.error(
                "no revocations for %.0f s: requests are answered with 503 (%s) until they can be read", seconds, CODE
            )
        else:
            log.warning("revocations can be read again: requests are answered")
