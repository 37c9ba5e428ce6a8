"""Hand the numbers to Airflow's metrics, if there are any; and look at one request in 64 for its decisions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

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
_FIELDS = tuple(each.name for each in dataclasses.fields(Permissions))


@dataclass(frozen=True, slots=True)
class CountedPermissions(Permissions):
    """What a combination of roles may do, counting how often that is asked.

    :param tally: each answer stands for those of :data:`EVERY` requests
    """

    tally: Tally = field(default_factory=Tally, compare=False)

    def allows(self, method: str, resource: str) -> bool:
        """Answer and count."""
        return self._note(Permissions.allows(self, method, resource))

    def allows_dag(self, method: str, entity: str | None, dag_id: str | None) -> bool:
        """Answer and count."""
        return self._note(Permissions.allows_dag(self, method, entity, dag_id))

    def allows_view(self, view: str) -> bool:
        """Answer and count."""
        return self._note(Permissions.allows_view(self, view))

    def allows_custom_view(self, method: str, resource: str) -> bool:
        """Answer and count."""
        return self._note(Permissions.allows_custom_view(self, method, resource))

    def _note(self, answer: bool) -> bool:
        if answer:
            self.tally.allowed += EVERY
        else:
            self.tally.denied += EVERY
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
            known = {name: getattr(user.permissions, name) for name in _FIELDS}
            user.permissions = CountedPermissions(**known, tally=self._metrics.decisions)

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
