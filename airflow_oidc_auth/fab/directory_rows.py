"""What the directory reads from FAB's tables, few statements at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, cast, func, select, true
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.fab.tables import created_on_text, fab_tables
from airflow_oidc_auth.sessions.models import fab_users

MANY = 500

Pair = tuple[str, str]
Fingerprint = tuple[object, ...]

_L = fab_users.c


class AccountRow(NamedTuple):
    """A link and the FAB user that it leads to now; a tuple, because thousands are made and compared at each poll.

    :param exists: False when the linked user was deleted, whoever has its number now
    """

    user_id: int
    exists: bool = False
    active: bool = False
    username: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    role_ids: frozenset[int] = frozenset()


def read_accounts(transaction: Transaction, principal_ids: Collection[str]) -> dict[str, AccountRow]:
    """Return the accounts of those principals who have a link; one statement."""
    tables = fab_tables()
    users, has = tables.users, tables.user_roles
    user = users.c
    statement = (
        select(
            *(_L.principal_id, has.c.role_id, _L.user_id, _L.user_created_on, user.created_on),
            *(user.id, user.active, user.username, user.first_name, user.last_name, user.email),
        )
        .join_from(fab_users, users, _L.user_id == user.id, isouter=True)
        .outerjoin(has, has.c.user_id == user.id)
        # Databases bound the length of an IN list; beyond it the whole table is the lesser evil.
        .where(_L.principal_id.in_(principal_ids) if len(principal_ids) <= MANY else true())
    )
    return _parse_accounts(transaction.execute(statement), frozenset(principal_ids))


def _parse_accounts(rows: Iterable[Any], wanted: frozenset[str]) -> dict[str, AccountRow]:
    first: dict[str, list[Any]] = {}
    role_ids: dict[str, list[int]] = {}
    for principal_id, role_id, *account in rows:
        if principal_id in wanted:
            first.setdefault(principal_id, account)
            role_ids.setdefault(principal_id, []).append(role_id)
    return {key: _parse_account(account, role_ids[key]) for key, account in first.items()}


def _parse_account(account: list[Any], role_ids: list[int]) -> AccountRow:
    linked_id, linked_created_on, created_on, user_id, active, username, first_name, last_name, email = account
    if user_id is None or linked_created_on != created_on_text(created_on):
        return AccountRow(linked_id)
    # An outer join's row without a role.
    roles = frozenset(role_ids) if role_ids[0] is not None else frozenset()
    names = (username, first_name, last_name, email)
    return AccountRow(linked_id, True, bool(active), *names, roles)  # noqa: FBT003  # the fields' order


def read_existing_users(transaction: Transaction, user_ids: Collection[int]) -> frozenset[int]:
    """Return which of these FAB users there are."""
    users = fab_tables().users.c
    return frozenset(transaction.execute(select(users.id).where(users.id.in_(user_ids))).scalars())


def read_role_names(transaction: Transaction) -> dict[int, str]:
    """Return the name of every role by id."""
    roles = fab_tables().roles.c
    return {row.id: row.name for row in transaction.execute(select(roles.id, roles.name))}


def read_fingerprint(transaction: Transaction) -> Fingerprint:
    """Return numbers that change when a permission is given to a role or taken from one.

    They see permissions exchanged between two roles or handed round among three, and a row that SQLite gives the
    number of a deleted one. They do not see that an action or a resource got another name.
    """
    table = fab_tables().role_permissions.c
    # PostgreSQL multiplies integers in 32 bits.
    pair, role = cast(table.permission_view_id, BigInteger), cast(table.role_id, BigInteger)
    sums = [
        func.sum(table.id),
        func.sum(pair),
        func.sum(role),
        func.sum(pair * role),
        func.sum(pair * pair % 1_000_003),
        func.sum(pair * pair % 1_000_003 * role),
    ]
    return tuple(transaction.execute(select(func.count(), *sums)).one())


def read_pairs(transaction: Transaction) -> dict[int, frozenset[Pair]]:
    """Return the permissions of every role that has any: actions and resources by role id."""
    tables = fab_tables()
    given, pair = tables.role_permissions, tables.permissions
    statement = (
        select(given.c.role_id, tables.actions.c.name, tables.resources.c.name)
        .join_from(given, pair, given.c.permission_view_id == pair.c.id)
        .join(tables.actions, pair.c.permission_id == tables.actions.c.id)
        .join(tables.resources, pair.c.view_menu_id == tables.resources.c.id)
    )
    found: dict[int, set[Pair]] = {}
    for role_id, action, resource in transaction.execute(statement):
        found.setdefault(role_id, set()).add((action, resource))
    return {role_id: frozenset(pairs) for role_id, pairs in found.items()}
