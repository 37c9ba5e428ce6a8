"""How often a client may try: per address, and per principal and address.

Every key holds the client's address, so nobody can use up what belongs to somebody else's: an attacker who knows a name
locks out that name from the attacker's own address and nowhere else. People behind one address share its limit.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import blake2s
from typing import TYPE_CHECKING, Literal

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.rate_counters import Count, MemoryCounter, SharedCounter

if TYPE_CHECKING:
    from limits import RateLimitItem

    from airflow_oidc_auth.config.compiled import RateLimitSettings

log = logging.getLogger(__name__)

Kind = Literal["token", "login", "callback", "principal", "bearer"]
KINDS: tuple[Kind, ...] = ("token", "login", "callback", "principal", "bearer")
CODE = "rate_limited"
# One customer of an internet provider has 2**64 addresses, or more.
_IPV6_PREFIX = 64


class RateLimited(OidcAuthError):
    """Too many tries from this address.

    :param retry_after: seconds until a try counts anew
    """

    def __init__(self, kind: Kind, retry_after: int) -> None:
        super().__init__(CODE, f"limit {kind}, free again in {retry_after} s")
        self.retry_after = retry_after


class RateLimits:
    """The limits of one configuration; keep it as long as that configuration, or everybody's count begins anew.

    :param namespace: names this Airflow to those that share the store
    :param monotonic: a clock that nobody sets
    """

    def __init__(
        self, settings: RateLimitSettings, namespace: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self._items = {kind: _parse(getattr(settings, kind)) for kind in KINDS}
        self._memory = {kind: MemoryCounter(item.get_expiry(), monotonic) for kind, item in self._items.items()}
        prefix = f"airflow-oidc-auth:{_digest(namespace)}"
        self._shared = None if settings.storage is None else SharedCounter(settings.storage, prefix, monotonic)

    async def check(self, kind: Kind, address: str | None, principal: str = "") -> None:
        """Count one try.

        :param address: the client's, as the server knows it behind its proxies
        :param principal: whom the try is for, where that is known
        :raises RateLimited: it was one too many
        """
        network, item = network_of(address), self._items[kind]
        _judge(kind, network, item, await self._hit(kind, item, _digest(kind, network, principal)))

    def begin(self, kind: Kind, address: str | None) -> Callable[[], None]:
        """Count one try in this process alone, and return what takes it back: call that if nothing was wrong with it.

        For what costs this process something while it lasts; as many at the same time are one too many, too.

        :raises RateLimited: it was one too many
        """
        network, memory = network_of(address), self._memory[kind]
        key = _digest(kind, network, "")
        _judge(kind, network, self._items[kind], memory.hit(key))
        return partial(memory.take_back, key)

    def health(self) -> Mapping[str, object]:
        """Say who counts: each server alone, all together, or each alone because the shared store fails."""
        if self._shared is None:
            return {"rate_limits": "memory"}
        return {"rate_limits": "shared_failing" if self._shared.is_failing else "shared"}

    def close(self) -> None:
        """Leave the shared store alone from now on."""
        if self._shared is not None:
            self._shared.close()

    async def _hit(self, kind: Kind, item: RateLimitItem, key: str) -> Count:
        """Count here, and with the others if here there is room."""
        count = self._memory[kind].hit(key)
        if count.number > item.amount or self._shared is None:
            return count
        return await self._shared.hit(item, item.key_for(key)) or count


class KeptRateLimits:
    """Keep the counts through reloads of a document that does not change the limits.

    :param namespace: as for :class:`RateLimits`
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._current: RateLimits | None = None

    def of(self, settings: RateLimitSettings) -> RateLimits:
        """Return the limits of these settings."""
        before = self._current
        if before is not None and before.settings == settings:
            return before
        self._current = RateLimits(settings, self._namespace)
        if before is not None:
            before.close()
        return self._current


def network_of(address: str | None) -> str:
    """Return what counts as one client: an IPv4 address, an IPv6 network of 64 bits, or ``unknown`` for all others."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_PREFIX), strict=False))


def _judge(kind: Kind, network: str, item: RateLimitItem, count: Count) -> None:
    if count.number <= item.amount:
        return
    waits = max(1, math.ceil(count.seconds_left))
    if count.number == item.amount + 1:
        log.warning("rate_limited limit=%s address=%s for %d s", kind, network, waits)
    raise RateLimited(kind, waits)


def _parse(text: str) -> RateLimitItem:
    from limits import parse  # takes a tenth of a second

    return parse(text)


def _digest(*parts: str) -> str:
    """Return a short name of parts that may hold anything: keys stay small, and a store learns no addresses."""
    digest = blake2s(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.hexdigest()
