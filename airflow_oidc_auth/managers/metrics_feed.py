"""Hand the numbers to Airflow's metrics, if there are any; and look at one request in 64 for its decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from airflow.configuration import conf
from airflow.observability import stats

from airflow_oidc_auth.managers.metrics import FLUSH_EVERY, Metrics, Tally
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.sessions.administration import SessionDirectory, Wanted
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.session import BROWSER

EVERY = 64
_SWITCHES = ("statsd_on", "statsd_datadog_enabled", "otel_on")


class CountedPermissions:
    """Somebody's permissions, counting how often they are asked; every answer is theirs.

    :param tally: each answer stands for those of :data:`EVERY` requests
    """

    __slots__ = ("_permissions", "_tally")

    def __init__(self, permissions: Permissions, tally: Tally) -> None:
        self._permissions = permissions
        self._tally = tally

    def __getattr__(self, name: str) -> Any:
        # Not a copy of its fields: what another kind of permissions adds would be lost, and with it what it denies.
        return getattr(self._permissions, name)

    def allows(self, *question: Any, **named: Any) -> bool:
        """Answer and count."""
        return self._note(self._permissions.allows(*question, **named))

    def allows_named(self, *question: Any, **named: Any) -> bool:
        """Answer and count."""
        return self._note(self._permissions.allows_named(*question, **named))

    def allows_dag(self, *question: Any, **named: Any) -> bool:
        """Answer and count."""
        return self._note(self._permissions.allows_dag(*question, **named))

    def allows_view(self, *question: Any, **named: Any) -> bool:
        """Answer and count."""
        return self._note(self._permissions.allows_view(*question, **named))

    def allows_custom_view(self, *question: Any, **named: Any) -> bool:
        """Answer and count."""
        return self._note(self._permissions.allows_custom_view(*question, **named))

    def _note(self, answer: bool) -> bool:
        if answer:
            self._tally.allowed += EVERY
        else:
            self._tally.denied += EVERY
        return answer


class MetricsFeed:
    """The way from our numbers to Airflow's. Does nothing where no metrics are configured.

    :param clock: epoch seconds
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._is_on = any(conf.getboolean("metrics", name, fallback=False) for name in _SWITCHES)
        self._requests = 0
        self._directory = SessionDirectory()
        self._periodic = Periodic("oidc-auth-metrics", self.flush, FLUSH_EVERY, first_delay=FLUSH_EVERY)

    def start(self) -> None:
        """Begin to hand over; after any fork."""
        if self._is_on:
            self._periodic.start()

    def stop(self) -> None:
        """End."""
        self._periodic.stop()

    def sample(self, user: SessionUser) -> None:
        """Count the decisions about this user's request, if it is one of those that are looked at."""
        self._requests += 1
        if self._requests % EVERY == 0 and self._is_on:
            user.permissions = cast("Permissions", CountedPermissions(user.permissions, self._metrics.decisions))

    def flush(self) -> None:
        """Hand over what there is.

        :raises SessionError: the sessions could not be counted
        """
        self._metrics.flush(stats, self._count_sessions)

    def _count_sessions(self) -> int:
        return self._directory.find(Wanted(kind=BROWSER), now=int(self._clock()), limit=1).total


def build_metrics() -> Metrics:
    """Return the counters, named as Airflow is told to name its own."""
    return Metrics(legacy_names=conf.getboolean("metrics", "legacy_names_on", fallback=True))
