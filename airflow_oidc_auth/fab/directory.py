"""What FAB's tables say about a person now; requests are answered from memory."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import SQLAlchemyError

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.fab.directory_rows import AccountRow, read_accounts, read_existing_users
from airflow_oidc_auth.fab.role_permissions import RolePermissions
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.database_errors import store_unavailable
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.transactions import Transactions

log = logging.getLogger(__name__)

MAX_BACKOFF = 4.0
WATCHED_FOR = 600.0
MAX_WATCHED = 20_000
MAX_ACTING = 64

INACTIVE = "fab_user_inactive"
DELETED = "fab_user_deleted"
UNLINKED = "fab_user_unlinked"


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


@dataclass(slots=True)
class _Watched:
    row: AccountRow
    generation: int
    account: FabAccount
    asked_at: float
    reduced: dict[frozenset[str], FabAccount] = field(default_factory=dict)
    acting: dict[tuple[str, ...], FabAccount] = field(default_factory=dict)


class FabDirectory:
    """Watch the FAB users of the people who are here, and what their roles allow.

    One thread reads the watched users and a fingerprint of the roles every ``interval`` seconds. During an outage of
    the database the last knowledge stands; :meth:`stale_for` tells how old it is.

    :param interval: seconds between polls
    :param on_gone: called with a principal id and ``fab_user_inactive``, ``fab_user_deleted`` or ``fab_user_unlinked``
        when somebody may not go on; from the polling thread, once, or again after it raised
    """

    def __init__(
        self,
        *,
        transactions: Transactions = airflow_transactions,
        interval: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
        on_gone: Callable[[str, str], None],
    ) -> None:
        self._transactions = transactions
        self._interval = interval
        self._monotonic = monotonic
        self._on_gone = on_gone
        self._watched: dict[str, _Watched] = {}
        self._gone: dict[str, str] = {}
        self._roles = RolePermissions()
        self._reading = threading.Lock()
        self._heard_at = monotonic()
        self._roles_read_at = float("-inf")
        self._periodic = Periodic("oidc-auth-fab-directory", self.poll, interval, max_backoff=MAX_BACKOFF)

    def start(self) -> None:
        """Begin to poll on a thread; call it after any fork."""
        # A lock that was held while the process forked would never be given back.
        self._reading = threading.Lock()
        self._heard_at = self._monotonic()
        self._periodic.start()

    def stop(self) -> None:
        """End the thread."""
        self._periodic.stop()

    def peek(self, principal_id: str, without: frozenset[str] = frozenset()) -> FabAccount | None:
        """Return the account if this process knows it and admits it. Memory only, no lock.

        :param without: roles that are not to count
        """
        watched = self._watched.get(principal_id)
        if watched is None:
            return None
        watched.asked_at = self._monotonic()
        if not without or without.isdisjoint(watched.account.roles):
            return watched.account
        return watched.reduced.get(without)

    def load(self, principal_id: str, without: frozenset[str] = frozenset()) -> FabAccount | None:
        """Read the account and begin to watch it; None if it is not admitted. Blocks.

        Whoever is not admitted is told to ``on_gone`` by the next poll: they have a session, or nobody would ask.

        :param without: roles that are not to count
        :raises SessionError: ``session_store_unavailable``
        """
        with self._reading:
            now = self._monotonic()
            if without and (known := self._watched.get(principal_id)) is not None:
                # Roles that end while the database is away must not take the others with them.
                return self._reduce(known, without)
            try:
                row = self._read_one(principal_id, now)
            except SQLAlchemyError as error:
                raise store_unavailable(error) from None
            reason = _denial(row)
            if row is None or reason:
                self._dismiss(principal_id, reason)
                return None
            account = self._admit(principal_id, row, now)
            known = self._watched[principal_id]
            self._make_room()
            return self._reduce(known, without) if without else account

    def peek_acting(self, principal_id: str, roles: tuple[str, ...]) -> FabAccount | None:
        """Return the account with these roles instead of its own, as :meth:`peek` does.

        What a program's token gives is not written into FAB's tables: each token of a person may give something else.
        """
        watched = self._watched.get(principal_id)
        if watched is None:
            return None
        watched.asked_at = self._monotonic()
        return watched.acting.get(roles)

    def load_acting(self, principal_id: str, roles: tuple[str, ...]) -> FabAccount | None:
        """Read the account and give it these roles, as far as FAB has them; None if there is none that is admitted.

        Blocks; tells nobody of somebody who is gone, because a token is no session.

        :raises SessionError: ``session_store_unavailable``
        """
        with self._reading:
            known = self._watched.get(principal_id)
            if known is None:
                now = self._monotonic()
                try:
                    row = self._read_one(principal_id, now)
                except SQLAlchemyError as error:
                    raise store_unavailable(error) from None
                if row is None or _denial(row):
                    return None
                self._admit(principal_id, row, now)
                known = self._watched[principal_id]
                self._make_room()
            return self._act(known, roles)

    def forget(self, principal_id: str) -> None:
        """Let the next request read the account anew: a sign-in has just changed its roles. Memory only, no lock."""
        self._watched.pop(principal_id, None)

    def stale_for(self) -> float:
        """Return how many seconds ago the last poll that succeeded began (or :meth:`start` was called)."""
        return max(0.0, self._monotonic() - self._heard_at)

    def poll(self) -> None:
        """Read once what may have changed, and tell who is gone.

        :raises SessionError: ``session_store_unavailable``: what was known stands
        """
        with self._reading:
            begun = self._monotonic()
            self._drop_unasked(begun)
            try:
                self._read_all(begun)
            except SQLAlchemyError as error:
                raise store_unavailable(error) from None
            self._heard_at = begun
        self._tell_gone()

    def _read_one(self, principal_id: str, now: float) -> AccountRow | None:
        with self._transactions() as transaction:
            row = read_accounts(transaction, [principal_id]).get(principal_id)
            if row is not None and (now - self._roles_read_at > self._interval or not self._roles.knows(row.role_ids)):
                self._roles.refresh(transaction, now)
                self._roles_read_at = now
            return row

    def _read_all(self, now: float) -> None:
        watched = self._watched.copy()  # forget() may take some away meanwhile
        with self._transactions() as transaction:
            rows = read_accounts(transaction, watched.keys()) if watched else {}
            self._roles.refresh(transaction, now)
            self._roles_read_at = now
            unlinked = {key: known.row.user_id for key, known in watched.items() if key not in rows}
            existing = read_existing_users(transaction, unlinked.values()) if unlinked else frozenset()
        for principal_id, user_id in unlinked.items():
            self._dismiss(principal_id, UNLINKED if user_id in existing else DELETED)
        self._apply(rows)

    def _apply(self, rows: Mapping[str, AccountRow]) -> None:
        for principal_id, row in rows.items():
            known = self._watched.get(principal_id)
            if known is None:
                continue
            if reason := _denial(row):
                self._dismiss(principal_id, reason)
            elif row != known.row or known.generation != self._roles.generation:
                self._admit(principal_id, row, known.asked_at)

    def _admit(self, principal_id: str, row: AccountRow, asked_at: float) -> FabAccount:
        account = FabAccount(
            user_id=row.user_id,
            username=row.username,
            first_name=row.first_name,
            last_name=row.last_name,
            email=row.email,
            active=row.active,
            roles=self._roles.names(row.role_ids),
            permissions=self._roles.permissions(row.role_ids),
        )
        self._watched[principal_id] = _Watched(row, self._roles.generation, account, asked_at)
        return account

    def _reduce(self, known: _Watched, without: frozenset[str]) -> FabAccount:
        account = known.account
        if without.isdisjoint(account.roles):
            return account
        kept = [role_id for role_id in known.row.role_ids if without.isdisjoint(self._roles.names([role_id]))]
        known.reduced[without] = replace(
            account, roles=self._roles.names(kept), permissions=self._roles.permissions(kept)
        )
        return known.reduced[without]

    def _act(self, known: _Watched, roles: tuple[str, ...]) -> FabAccount:
        role_ids = self._roles.ids(roles)
        account = replace(
            known.account, roles=self._roles.names(role_ids), permissions=self._roles.permissions(role_ids)
        )
        if len(known.acting) >= MAX_ACTING:
            known.acting.clear()
        known.acting[roles] = account
        return account

    def _dismiss(self, principal_id: str, reason: str) -> None:
        self._watched.pop(principal_id, None)
        self._gone[principal_id] = reason

    def _tell_gone(self) -> None:
        for principal_id, reason in list(self._gone.items()):
            try:
                self._on_gone(principal_id, reason)
            except OidcAuthError as error:
                # Nobody is admitted meanwhile; the next poll tells again.
                log.error("Sessions of principal %s are not ended yet: %s", principal_id, error)  # noqa: TRY400  # no stack needed
            else:
                self._gone.pop(principal_id, None)

    def _drop_unasked(self, now: float) -> None:
        for principal_id, known in self._watched.copy().items():
            if now - known.asked_at > WATCHED_FOR:
                self.forget(principal_id)

    def _make_room(self) -> None:
        if len(self._watched) > MAX_WATCHED:
            # A tenth at once, or every further person would sort them all for one place.
            asked = {key: known.asked_at for key, known in self._watched.copy().items()}
            for principal_id in sorted(asked, key=asked.__getitem__)[: MAX_WATCHED // 10]:
                self.forget(principal_id)


def _denial(row: AccountRow | None) -> str:
    """Return why the account is not admitted, or nothing."""
    if row is None:
        return UNLINKED
    if not row.exists:
        return DELETED
    return "" if row.active else INACTIVE
