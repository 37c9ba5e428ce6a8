"""A circuit breaker per host: an IdP that is down costs each caller nothing, instead of a timeout.

Closed → (five failures in a row) → open for 15 s → one probe each 15 s; its success closes, its failure opens again.
Without it every sign-in and every re-check of a dead IdP would hold one of the provider's few threads for seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from airflow_oidc_auth.errors import ProviderError

FAILURES = 5
REST = 15.0
_COUNTED = frozenset(
    {"provider_unreachable", "provider_timeout", "provider_failing", "provider_proxy", "provider_tls"},
)
# What strangers choose in the forms that we send.
_OF_STRANGERS = frozenset({"code", "token"})
_HINT = "The identity provider is down; it is asked again every 15 s. People who are signed in carry on."


class CircuitBreaker:
    """One host's circuit. Safe to share between threads.

    :param monotonic: seconds
    :param failures: how many in a row open it
    :param rest: seconds until a probe may go through
    """

    def __init__(self, monotonic: Callable[[], float], *, failures: int = FAILURES, rest: float = REST) -> None:
        self._monotonic, self._limit, self._rest = monotonic, failures, rest
        self._lock = threading.Lock()
        self._failed = 0
        self._probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        """True from the last of the failures until an exchange succeeds."""
        return self._probe_at is not None

    @contextmanager
    def guard(self, host: str, form: Mapping[str, str] | None = None) -> Iterator[None]:
        """Run one exchange with the host inside.

        :param form: what is sent; decides whom a failure blames
        :raises ProviderError: ``provider_unreachable`` at once while the circuit is open; else what the exchange raises
        """
        probing = self._admit(host)
        failed: bool | None = None
        try:
            yield
            failed = False
        except ProviderError as error:
            failed = _blames_the_host(error, form)
            raise
        finally:
            self._settle(failed, probing=probing)

    def _admit(self, host: str) -> bool:
        """Let an exchange begin; return whether it is the probe."""
        with self._lock:
            if self._probe_at is None:
                return False
            if self._monotonic() < self._probe_at:
                raise ProviderError(
                    "provider_unreachable",
                    f"{host} failed {self._failed} times in a row and is left alone for a moment",
                    hint=_HINT,
                    evidence={"circuit": "open", "failures": self._failed},
                )
            # A refresh may take longer than the rest: the host may be well before it is over.
            self._probe_at = self._monotonic() + self._rest
            return True

    def _settle(self, failed: bool | None, *, probing: bool) -> None:
        """Count an exchange; None says nothing about the host."""
        with self._lock:
            if failed is False:
                self._failed, self._probe_at = 0, None
            elif failed:
                self._failed += 1
                # Those that began before it opened and fail now must not push the probe away, and a probe that fails
                # after another one has closed it is one failure.
                if probing if self._probe_at is not None else self._failed >= self._limit:
                    self._probe_at = self._monotonic() + self._rest
            elif probing and self._probe_at is not None:
                self._probe_at = self._monotonic()


def _blames_the_host(error: ProviderError, form: Mapping[str, str] | None) -> bool | None:
    """Say whether the error shows a host that is down (True), one that answers (False), or neither (None).

    A stranger can begin sign-ins and bring invented codes, or invented tokens that we introspect, and some IdPs answer
    these with 500, or many of them with 429: five of them would close the door to everybody.
    """
    if error.code == "provider_failing" and form is not None and not _OF_STRANGERS.isdisjoint(form):
        return None
    return error.code in _COUNTED


class CircuitBreakers:
    """The circuits of one transport, one per host: a vendor's API that is down does not stop its sign-in."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._by_host: dict[str, CircuitBreaker] = {}

    def of(self, host: str) -> CircuitBreaker:
        """Return the host's circuit. Hosts come from configuration and discovery, so they are few."""
        with self._lock:
            return self._by_host.setdefault(host, CircuitBreaker(self._monotonic))

    def open_hosts(self) -> tuple[str, ...]:
        """Return the hosts that are left alone at the moment."""
        with self._lock:
            return tuple(host for host, each in self._by_host.items() if each.is_open)
