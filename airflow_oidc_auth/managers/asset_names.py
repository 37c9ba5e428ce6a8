"""The names of assets by their numbers: Airflow asks with the number, rules select by name.

Read on a thread of its own, and only while a rule selects assets. An asset that is not known yet has no name, so that
only who may do something with every asset may do it with this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from airflow_oidc_auth.managers.dag_facts import FORGET_AFTER, LOOK_EVERY, READ_ANYWAY_AFTER
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.database_errors import store_unavailable
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.transactions import Transactions


class Rows(Protocol):
    """Where the names come from."""

    def probe(self) -> object:
        """Return what differs after assets came or went."""

    def read(self) -> Mapping[str, str]:
        """Return the name of every asset by its number."""


class AssetRows:
    """Airflow's table of assets.

    :param transactions: opens a transaction of the calling thread's own
    """

    def __init__(self, transactions: Transactions = airflow_transactions) -> None:
        self._transactions = transactions

    def probe(self) -> object:
        """Return what differs after assets came or went.

        :raises SessionError: ``session_store_unavailable``
        """
        from airflow.models.asset import AssetModel

        return self._rows(select(func.count(), func.max(AssetModel.id)).select_from(AssetModel))[0]

    def read(self) -> dict[str, str]:
        """Return the name of every asset by its number.

        :raises SessionError: ``session_store_unavailable``
        """
        from airflow.models.asset import AssetModel

        return {str(number): name for number, name in self._rows(select(AssetModel.id, AssetModel.name))}

    def _rows(self, wanted: Any) -> list[tuple[Any, ...]]:
        try:
            with self._transactions() as transaction:
                return [tuple(row) for row in transaction.connection().execute(wanted)]
        except SQLAlchemyError as error:
            # The cause shows statements and parameters.
            raise store_unavailable(error) from None


class AssetNames:
    """What was read last; asked without a lock.

    :param clock: monotonic seconds
    """

    def __init__(self, rows: Rows, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows = rows
        self._clock = clock
        self._held: Mapping[str, str] = {}
        self._seen: object = None
        self._read_at: float | None = None
        self.needed = False
        self._periodic = Periodic("oidc-auth-assets", self.look, LOOK_EVERY, max_backoff=LOOK_EVERY)

    def name_of(self, asset_id: str) -> str | None:
        """Return the name; None for an asset that is not known, or when nobody selects assets by name.

        :param asset_id: as it stands in the address; another spelling of the number is unknown
        """
        known = self._read_at is not None and self._clock() - self._read_at < FORGET_AFTER
        return self._held.get(asset_id) if known else None

    def start(self) -> None:
        """Begin to read; after any fork."""
        self._periodic.start()

    def stop(self) -> None:
        """End."""
        self._periodic.stop()

    def look(self) -> None:
        """Read the names if some may have changed. Blocks; for background threads.

        :raises SessionError: the database cannot be read; what was known stands
        """
        if not self.needed:
            return
        begun, seen = self._clock(), self._rows.probe()
        if self._read_at is None or seen != self._seen or begun - self._read_at >= READ_ANYWAY_AFTER:
            self._held = self._rows.read()
            self._seen, self._read_at = seen, begun
