"""The rows of ``oidc_auth_fab_user``, and when one is believed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.fab.tables import created_on_text, fab_tables
from airflow_oidc_auth.sessions.grant_document import dump_roles, parse_roles
from airflow_oidc_auth.sessions.limits import MAX_NAME_LENGTH
from airflow_oidc_auth.sessions.models import fab_users

log = logging.getLogger(__name__)

_L = fab_users.c


@dataclass(frozen=True, slots=True)
class LinkedUser:
    """The FAB user of a principal as a transaction sees it.

    :param roles: ids by name, as assigned now
    :param given_roles: names of those of ``roles`` that the last sign-in gave, whatever they are called since
    :param given_document: what the last sign-in gave, as stored
    """

    id: int
    username: str
    active: bool
    roles: dict[str, int]
    given_roles: frozenset[str]
    given_document: str


def dump_given(roles: Mapping[str, int]) -> str:
    """Return roles by name as stored: with their ids, because a role may get another name."""
    return dump_roles(tuple(f"{key}:{name}" for name, key in sorted(roles.items())))


NOTHING_GIVEN = dump_given({})


def find_linked_user(transaction: Transaction, principal_id: str) -> LinkedUser | None:
    """Return the principal's FAB user, with one statement; None without a link, or if the link's user was deleted.

    A database may give the number of a deleted user to the next one (SQLite does): the creation time tells them apart,
    or a stranger would be signed in as the new user.
    """
    tables = fab_tables()
    user, role = tables.users.c, tables.roles.c
    statement = (
        select(
            _L.user_created_on,
            _L.given_roles,
            user.id,
            user.username,
            user.active,
            user.created_on,
            role.id.label("role_id"),
            role.name.label("role"),
        )
        .join_from(fab_users, tables.users, _L.user_id == user.id)
        .outerjoin(tables.user_roles, tables.user_roles.c.user_id == user.id)
        .outerjoin(tables.roles, role.id == tables.user_roles.c.role_id)
        .where(_L.principal_id == principal_id)
    )
    rows = transaction.execute(statement).all()
    if not rows or rows[0].user_created_on != created_on_text(rows[0].created_on):
        return None
    roles = {row.role: row.role_id for row in rows if row.role_id is not None}
    document = rows[0].given_roles
    given = frozenset(_parse_given(document, principal_id))
    held = frozenset(name for name, key in roles.items() if name in given or key in given)
    return LinkedUser(rows[0].id, rows[0].username, bool(rows[0].active), roles, held, document)


def store_link(
    transaction: Transaction,
    principal_id: str,
    user_id: int,
    created_on: datetime | None,
    *,
    given_document: str,
    by: str,
    now: int,
) -> None:
    """Write a link in place of those that this principal or this number had; the caller knows that they are void."""
    transaction.execute(delete(fab_users).where(or_(_L.principal_id == principal_id, _L.user_id == user_id)))
    row = {
        "principal_id": principal_id,
        "user_id": user_id,
        "user_created_on": created_on_text(created_on),
        "given_roles": given_document,
        "linked_at": now,
        "linked_by": by[:MAX_NAME_LENGTH],
    }
    transaction.execute(insert(fab_users).values(row))


def store_given(transaction: Transaction, principal_id: str, document: str) -> None:
    """Keep what this sign-in gave, so that the next one can tell it from what somebody assigned."""
    changed = update(fab_users).where(_L.principal_id == principal_id).values(given_roles=document)
    transaction.execute(changed)


def _parse_given(document: str, principal_id: str) -> Iterator[str | int]:
    """Yield the name and the id of each role: either alone tells it, as a role may be renamed or made again."""
    try:
        for role in parse_roles(document):
            key, _, name = role.partition(":")
            yield from (int(key), name)
    except ValueError:
        log.warning("The given roles of principal %s cannot be read; they are taken as none", principal_id)
