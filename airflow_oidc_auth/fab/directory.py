"""What FAB's tables say about a person now; requests are answered from memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.sessions.database import Transactions, airflow_transactions


@dataclass(frozen=True, slots=True)
class FabAccount:
    """The FAB user of an identity, admitted, with what its roles allow now.

    :param active: always True for an account that the directory hands out
    :param roles: names of the user's own FAB roles, sorted; FAB's groups do not count (see :mod:`.tables`)
    """

    user_id: int
    username: str
    first_name: str
    last_name: str
    email: str
    active: bool
    roles: tuple[str, ...]
    permissions: Permissions


class FabDirectory:
    """See the finished module's docstring."""

    def __init__(
        self,
        *,
        transactions: Transactions = airflow_transactions,
        interval: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
        on_gone: Callable[[str, str], None],
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Begin to poll on a thread; call it after any fork."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the thread."""
        raise NotImplementedError

    def peek(self, principal_id: str) -> FabAccount | None:
        """Return the account if this process knows it and admits it. Memory only, no lock."""
        raise NotImplementedError

    def load(self, principal_id: str) -> FabAccount | None:
        """Read the account and begin to watch it; None if it is not admitted. Blocks.

        :raises SessionError: ``session_store_unavailable``
        """
        raise NotImplementedError

    def stale_for(self) -> float:
        """Return how many seconds ago the database was last heard (or :meth:`start` called)."""
        raise NotImplementedError
