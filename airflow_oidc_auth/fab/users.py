"""What FAB's tables say about the users whom a migration may link."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.fab.tables import fab_tables


@dataclass(frozen=True, slots=True)
class FabUser:
    """One row of ``ab_user``.

    :param roles: names of the roles assigned to the user itself
    :param has_signed_in: at least once, in whatever way
    :param created_by: username of whoever made it in FAB's pages; None for one that a sign-in or a command made
    """

    id: int
    username: str
    active: bool
    roles: tuple[str, ...] = ()
    has_signed_in: bool = True
    created_by: str | None = None


def read_users(transaction: Transaction) -> tuple[FabUser, ...]:
    """Return every FAB user, oldest first."""
    user = fab_tables().users.c
    columns = (user.id, user.username, user.active, user.login_count, user.last_login, user.created_by_fk)
    rows = transaction.execute(select(*columns).order_by(user.id)).all()
    names = {row.id: row.username for row in rows}
    roles = _roles(transaction)
    return tuple(
        FabUser(
            id=row.id,
            username=row.username,
            active=bool(row.active),
            roles=tuple(sorted(roles[row.id])),
            has_signed_in=bool(row.login_count) or row.last_login is not None,
            created_by=None if row.created_by_fk is None else names.get(row.created_by_fk, "somebody"),
        )
        for row in rows
    )


def has_own_password(transaction: Transaction, user_id: int) -> bool:
    """Say whether somebody set a password for the user; takes a good part of 0.1 s.

    Stock FAB gives users of AUTH_OAUTH the hash of the empty password.
    """
    from werkzeug.security import check_password_hash

    user = fab_tables().users.c
    stored = transaction.execute(select(user.password).where(user.id == user_id)).scalar_one_or_none()
    if not stored or stored.count("$") < 2:
        return False
    try:
        return not check_password_hash(stored, "")
    except ValueError:
        return True  # hashed in a way that this werkzeug does not know: by hand, then


def _roles(transaction: Transaction) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    assigned, role = fab_tables().user_roles.c, fab_tables().roles.c
    statement = select(assigned.user_id, role.name).where(role.id == assigned.role_id)
    for user_id, name in transaction.execute(statement):
        found[user_id].append(name)
    return found
