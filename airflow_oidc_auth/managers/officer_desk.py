"""What the security officer's pages stand on: the sessions of everybody, and break-glass with its watch."""

from __future__ import annotations

from collections.abc import Callable

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.login.break_glass import BreakGlass, BreakGlassWatch
from airflow_oidc_auth.login.keys import derive_break_glass_keys
from airflow_oidc_auth.login.session_office import SessionOffice
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.sessions.administration import SessionDirectory
from airflow_oidc_auth.sessions.break_glass import BreakGlassLinks
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.web.context import new_correlation_id

WATCH_EVERY = 15.0


class OfficerDesk:
    """Built once per process.

    :param audit: asked each time, because a reload brings another
    :param break_glass_allowed: what the configuration in force says
    """

    def __init__(
        self, services: Services, audit: Callable[[], AuditLog], break_glass_allowed: Callable[[], bool]
    ) -> None:
        live, clock = services.live, services.clock
        links = BreakGlassLinks(derive_break_glass_keys(services.fernet_keys))
        self.office = SessionOffice(live, SessionDirectory(), audit, clock)
        self.break_glass = BreakGlass(links, live, audit, break_glass_allowed, clock)
        watch = BreakGlassWatch(links, live, audit, break_glass_allowed, clock, new_correlation_id)
        self._watch = Periodic("oidc-auth-break-glass", watch.poll, WATCH_EVERY, first_delay=WATCH_EVERY)

    def start(self) -> None:
        """Begin to watch break-glass sessions; after any fork."""
        self._watch.start()

    def stop(self) -> None:
        """Stop watching."""
        self._watch.stop()


def may_end_sessions(user: SessionUser | None, *, fab_mode: bool) -> bool:
    """Tell whether somebody may see and end the sessions of others (docs/decisions/0040).

    In FAB mode who may edit FAB's users, because that can lock people out already; in native mode Admin, and no custom
    role, whatever views it names.
    """
    if user is None:
        return False
    permissions = user.permissions
    return permissions.everything or (fab_mode and permissions.allows_custom_view("PUT", "Users"))
