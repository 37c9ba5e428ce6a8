"""Where tokens are verified that the event loop cannot judge: a key is missing, or the identity provider must be asked.

Apart from the threads of sign-ins, or a flood of invented tokens would leave nobody a way in. Whoever brings the same
token at the same time shares one verification.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from airflow_oidc_auth.errors import OidcAuthError, ProviderError
from airflow_oidc_auth.providers.bearer import BearerIssuer, BearerToken
from airflow_oidc_auth.providers.pool import ProviderPool

T = TypeVar("T")

log = logging.getLogger(__name__)

WORKERS = 3
WAITING = 61
DEADLINE = 15.0


class BearerLanes:
    """One small pool for each provider whose tokens are taken.

    :param providers: ids
    """

    def __init__(self, providers: frozenset[str]) -> None:
        self._pools = {
            provider: ProviderPool(f"{provider}-bearer", WORKERS, WAITING, DEADLINE) for provider in providers
        }
        self._flights: dict[bytes, Future[BearerToken]] = {}
        self._lock = threading.Lock()

    async def verify(self, issuer: BearerIssuer, token: str, digest: bytes) -> BearerToken:
        """Return what the issuer believes of a token.

        :raises TokenRefused: it is not to be believed
        :raises ProviderError: ``token_check_busy`` or ``token_issuer_unavailable``: nobody can say now
        """
        pool = self._pools[issuer.provider]
        try:
            return await pool.wait(self._flight(pool, issuer, token, digest))
        except ProviderError as error:
            code = "token_check_busy" if error.code == "provider_busy" else "token_issuer_unavailable"
            raise ProviderError(code, f"{issuer.provider}: {error.code}: {error.detail}") from error

    async def run(self, provider: str, function: Callable[..., T], *args: object) -> T:
        """Await something else about a program's token that may have to ask the provider.

        :raises ProviderError: ``provider_busy``, ``provider_timeout``
        """
        return await self._pools[provider].run(function, *args)

    def close(self) -> None:
        """Drop what is queued; do not wait for what runs."""
        for pool in self._pools.values():
            pool.close()

    def _flight(self, pool: ProviderPool, issuer: BearerIssuer, token: str, digest: bytes) -> Future[BearerToken]:
        with self._lock:
            flight = self._flights.get(digest)
            if flight is not None:
                return flight
            flight = self._flights[digest] = pool.submit(issuer.verify, token)
        # Outside the lock: one that has finished already calls back here and now.
        flight.add_done_callback(lambda _: self._landed(digest))
        return flight

    def _landed(self, digest: bytes) -> None:
        with self._lock:
            self._flights.pop(digest, None)


def warm_up(issuer: BearerIssuer) -> None:
    """Fetch discovery and keys ahead of the first token; blocks. Asks nobody for what is at hand and young enough."""
    try:
        if issuer.party.settings.jwks_file is None:
            issuer.party.metadata.get()
        issuer.party.keys.load()
    except OidcAuthError as error:
        log.warning("%s: not ready yet, the first token will try again: %s", issuer.provider, error)
