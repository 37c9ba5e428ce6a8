"""Say what this server process runs on, and know it of all: for the health page."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.servers import REPORT_EVERY, ServerGroup

log = logging.getLogger(__name__)

# The table may be missing until somebody runs `airflow db migrate`; nothing but the health page needs it.
MAX_BACKOFF = 600.0
SHOWN_DIGEST = 12


class Reports(Protocol):
    """The shared table (:class:`airflow_oidc_auth.sessions.servers.ServerReports`)."""

    def report(self, server_id: str, digest: str, *, rejects: bool, now: int) -> Sequence[ServerGroup]:
        """Say what a process runs on, and return what all of them do."""
        ...

    def leave(self, server_id: str) -> None:
        """Forget a process that ends."""
        ...


class Census:
    """Report every half minute.

    :param digest: of the configuration in force
    :param rejects: whether the document on disk cannot be used
    :param clock: epoch seconds
    """

    def __init__(
        self, reports: Reports, digest: Callable[[], str], rejects: Callable[[], bool], clock: Callable[[], float]
    ) -> None:
        self._reports = reports
        self._digest = digest
        self._rejects = rejects
        self._clock = clock
        self._id = ""
        self._groups: Sequence[ServerGroup] = ()
        self._periodic = Periodic("oidc-auth-census", self.report, REPORT_EVERY, max_backoff=MAX_BACKOFF)

    def start(self) -> None:
        """Begin to report; after any fork, so that each process has an id of its own."""
        self._id = secrets.token_urlsafe(16)
        self._periodic.start()

    def stop(self) -> None:
        """Report no more, and take this process off the table."""
        self._periodic.stop()
        try:
            self._reports.leave(self._id)
        except SessionError as error:
            log.info("this server stays on the list of servers for a while: %s", error)

    def report(self) -> None:
        """Report now, and look at the others; blocks."""
        self._groups = self._reports.report(self._id, self._digest(), rejects=self._rejects(), now=int(self._clock()))

    def health(self) -> Mapping[str, object]:
        """Return the server processes by the configuration that they are on, at most half a minute old."""
        servers = [
            {"configuration": each.digest[:SHOWN_DIGEST], "processes": each.processes, "rejecting": each.rejecting}
            for each in self._groups
        ]
        return {"servers": servers} if servers else {}
