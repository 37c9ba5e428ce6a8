"""What a sign-in does to FAB's users and their roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions.accounts import Settled


class FabAccounts:
    """See the finished module's docstring."""

    def __init__(self, settings: FabSettings, *, local_time: Callable[[], datetime] = datetime.now) -> None:
        self._settings = settings
        self._local_time = local_time

    def settle(
        self, transaction: Transaction, principal_id: str, sign_in: SignIn, grant: Grant, *, now: int
    ) -> Settled:
        """Find or make the FAB user of the identity and give it the roles of the Grant."""
        raise NotImplementedError

    def withdraw(self, transaction: Transaction, principal_id: str) -> tuple[str, ...]:
        """Take from the FAB user what earlier sign-ins gave."""
        raise NotImplementedError
