"""The background work that keeps sessions in step with their owners: re-checks at the IdP, activity, idle timeout."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.login.records import build_recheck_end, build_regraded, build_session_ended
from airflow_oidc_auth.managers.metrics import Metrics
from airflow_oidc_auth.managers.runtime import Runtime
from airflow_oidc_auth.managers.seen_requests import SeenRequests
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.sessions.activity import Activity
from airflow_oidc_auth.sessions.idle import IdleSweeper
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.recheck import Rechecker
from airflow_oidc_auth.sessions.recheck_report import Result
from airflow_oidc_auth.sessions.session import Ended, Regraded, Session
from airflow_oidc_auth.web.context import new_correlation_id
from airflow_oidc_auth.web.engine import Outlook

log = logging.getLogger(__name__)

JUDGE_EVERY = 2.0


class SessionCare:
    """Built once per process; each round asks for the runtime anew, so that a hot reload is followed.

    :param runtime: of the document in force
    """

    def __init__(self, services: Services, runtime: Callable[[], Runtime]) -> None:
        live, clock = services.live, services.clock
        self._live, self._clock, self._runtime = live, clock, runtime
        self._report = _Report(lambda: runtime().audit, services.metrics)
        self._activity = Activity(live.store, clock=clock)
        self.requests = SeenRequests(self._activity)
        self._rechecker = Rechecker(live, lambda: runtime().rechecks, self._report, clock=clock)
        self._idle = IdleSweeper(
            live,
            lambda: _settings(runtime).idle_timeout,
            self._report.swept,
            before=self._write_activity,
            clock=clock,
        )
        self._judging = Periodic("oidc-auth-seen", self.requests.hand_over, JUDGE_EVERY, first_delay=JUDGE_EVERY)

    def last_seen(self, session_id: str) -> int | None:
        """Return the last activity that this server knows of and may not have written yet, epoch seconds."""
        return self._activity.last_seen(session_id)

    async def outlook_of(self, session: Session) -> Outlook:
        """Return what may become of a session; memory knows the limits, and only the store when it is checked next."""
        settings = _settings(self._runtime)
        try:
            stored = await self._live.run(self._live.store.load, session.id, now=int(self._clock())) or session
        except SessionError:
            stored = session
        return Outlook(
            checked_at=stored.checked_at,
            check_due_at=None if settings.recheck is None else stored.check_due_at,
            idle_timeout=settings.idle_timeout,
            reauthenticate_after=None if stored.auth_time is None else settings.reauthenticate_after,
            max_per_user=settings.max_per_user,
        )

    def start(self) -> None:
        """Begin the background threads; after any fork."""
        self._judging.start()
        self._activity.start()
        self._rechecker.start()
        self._idle.start()

    def stop(self) -> None:
        """End them; re-checks under way are finished, and activity is written."""
        self._idle.stop()
        self._rechecker.stop()
        self._judging.stop()
        self.requests.hand_over()
        try:
            self._activity.stop()
        except SessionError as error:
            log.warning("the activity of the last seconds is lost: %s", error)

    def _write_activity(self) -> None:
        self.requests.hand_over()
        self._activity.flush()


class _Report:
    """Hear of what happened to sessions by themselves: audit and metrics."""

    def __init__(self, audit: Callable[[], AuditLog], metrics: Metrics) -> None:
        self._audit = audit
        self._metrics = metrics

    def regraded(self, regraded: Regraded) -> None:
        """Another Grant is in force."""
        if record := build_regraded(regraded, new_correlation_id()):
            self._audit().record(record)

    def ended(self, ended: Ended, reason: str, withdrawn: tuple[str, ...]) -> None:
        """A re-check ended a session."""
        self._audit().record(build_recheck_end(ended.session, reason, new_correlation_id(), withdrawn))

    def counted(self, provider: str, result: Result) -> None:
        """One re-check is over."""
        self._metrics.recheck(provider, result.value)

    def swept(self, ended: Sequence[Ended], reason: str) -> None:
        """Sessions ended because nobody used them."""
        for each in ended:
            self._audit().record(build_session_ended(each.session, reason, new_correlation_id()))


def _settings(runtime: Callable[[], Runtime]) -> SessionSettings:
    return runtime().config.sessions
