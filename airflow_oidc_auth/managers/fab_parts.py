"""What the engine of FAB mode has besides: accounts at sign-in, and the watch over FAB's users."""

from __future__ import annotations

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.fab.accounts import FabAccounts
from airflow_oidc_auth.fab.directory import FabDirectory
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.login.records import build_session_ended
from airflow_oidc_auth.managers.fab_user import FabAdmission
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.sessions.account_only import AccountOnly
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.web.context import new_correlation_id


def build_accounts(settings: FabSettings) -> FabAccounts:
    """Compose what a sign-in does to FAB's users."""
    return FabAccounts(settings)


def build_admission(services: Services, accounts: FabAccounts, settings: FabSettings) -> FabAdmission:
    """Compose the watch over FAB's users; starts no thread and asks no database."""
    leavers = Leavers(services.live, AuditLog(services.sinks, fail_login=False, window=services.window))
    directory = FabDirectory(on_gone=leavers.end)
    services.live.on_opened(directory.forget)
    return FabAdmission(directory, accounts, settings, AccountOnly(accounts).settle)


class Leavers:
    """End the sessions of people whose FAB user was deactivated, deleted or unlinked."""

    def __init__(self, live: LiveSessions, audit: AuditLog) -> None:
        self._live = live
        self._audit = audit

    def end(self, principal_id: str, reason: str) -> None:
        """End them all, and say so in the audit log; of several servers one writes each row.

        :raises SessionError: the sessions cannot be ended now; nobody is admitted with them all the same
        """
        for ended in self._live.end_all_now(principal_id, reason=reason):
            self._audit.record(build_session_ended(ended.session, reason, new_correlation_id()))
