"""Count what a flood of anonymous failures would otherwise write."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent

WINDOW = 60.0
MAX_KEYS = 32
OTHERS = "several_reasons"

_IPV4_PREFIX = 24
_IPV6_PREFIX = 56


@dataclass(frozen=True, slots=True)
class _Key:
    event: AuthEvent
    reason: str
    provider: str | None
    network: str | None


@dataclass(slots=True)
class _Count:
    until: float
    further: int = 0
    last: AuditRecord | None = None


def network_of(address: str | None) -> str | None:
    """Return the network of an address, /24 or /56, as it is written in one record for many callers."""
    if not address:
        return None
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    # A server that listens on both sees IPv4 callers so; all of them in one network would hide each other.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    prefix = _IPV4_PREFIX if parsed.version == 4 else _IPV6_PREFIX
    return str(ipaddress.ip_network(f"{parsed.compressed.partition('%')[0]}/{prefix}", strict=False))


class FailureWindow:
    """The first failure of a kind is told at once, further ones of the same minute as one count.

    A kind is (event, reason, provider, network). Within a minute at most ``max_keys`` kinds are told apart;
    whatever comes beyond is counted per event, so that a flood from everywhere fills neither memory nor table.
    Thread-safe.
    """

    def __init__(self, *, window: float = WINDOW, max_keys: int = MAX_KEYS) -> None:
        self._window = window
        self._max_keys = max_keys
        self._counts: dict[_Key, _Count] = {}
        self._lock = threading.Lock()

    def add(self, record: AuditRecord, now: float) -> Sequence[AuditRecord]:
        """Count a failure; return what is to be written now: closed windows, and the record if it is a first one."""
        key = _Key(record.event, record.reason, record.provider, network_of(record.client_address))
        with self._lock:
            due = self._close(now)
            if key not in self._counts and len(self._counts) >= self._max_keys:
                key = _Key(record.event, OTHERS, None, None)
            count = self._counts.get(key)
            if count is None:
                self._counts[key] = _Count(now + self._window)
                # The first of the many is told like any other; its own reason is more than "several".
                return [*due, record]
            count.further += record.count
            count.last = record
            return due

    def flush(self, now: float) -> Sequence[AuditRecord]:
        """Return the counts of the windows that have passed."""
        with self._lock:
            return self._close(now)

    def _close(self, now: float) -> list[AuditRecord]:
        # An end two windows away means that the clock was set back; callers a little out of order do not.
        far = now + 2 * self._window
        passed = [(key, count) for key, count in self._counts.items() if not now < count.until <= far]
        for key, _ in passed:
            del self._counts[key]
        return [self._summary(key, count.last, count.further) for key, count in passed if count.last is not None]

    def _summary(self, key: _Key, last: AuditRecord, further: int) -> AuditRecord:
        # One person's name or session must not stand for many callers; the last correlation id leads to an example.
        return AuditRecord(
            event=key.event,
            correlation_id=last.correlation_id,
            reason=key.reason,
            provider=key.provider,
            client_address=key.network,
            count=further,
            detail=(("window_seconds", int(self._window)),),
        )
