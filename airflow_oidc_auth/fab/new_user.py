"""The FAB user that a first sign-in makes: it can be nobody else's, whatever the IdP calls the person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, insert, or_, select
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.fab.tables import fab_tables, is_mysql
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.display import clean_email, display_name

# No hash looks like this: FAB's password check can only say no.
NO_PASSWORD = "!"
SHORT_ID = 10


@dataclass(frozen=True, slots=True)
class NewUser:
    """A FAB user just made."""

    id: int
    username: str
    created_on: datetime


def create_user(transaction: Transaction, principal_id: str, identity: Identity, local_time: datetime) -> NewUser:
    """Make a FAB user without roles whose name ends in the principal's id, and so belongs to no existing user.

    :param local_time: naive, as FAB writes it
    :raises LoginRefused: ``fab_user_conflict``: somebody has taken these names on purpose
    """
    mysql = is_mysql(transaction)
    username, email = _choose_names(transaction, principal_id, identity, basic_plane=mysql)
    created_on = local_time.replace(microsecond=0) if mysql else local_time
    first_name, last_name = _split(_shown(identity.name, principal_id, basic_plane=mysql))
    values = {
        "first_name": first_name,
        "last_name": last_name,
        "username": username,
        "email": email,
        "password": NO_PASSWORD,
        "active": True,
        "last_login": created_on,
        "login_count": 1,
        "fail_login_count": 0,
        "created_on": created_on,
        "changed_on": created_on,
        # FAB's defaults ask Flask who is signed in; here nobody is.
        "created_by_fk": None,
        "changed_by_fk": None,
    }
    result: Any = transaction.execute(insert(fab_tables().users).values(values))
    return NewUser(int(result.inserted_primary_key[0]), username, created_on)


def _choose_names(
    transaction: Transaction, principal_id: str, identity: Identity, *, basic_plane: bool
) -> tuple[str, str]:
    users = fab_tables().users.c
    label = _shown(identity.email or identity.name, principal_id, basic_plane=basic_plane)
    # ``~`` and the id come last: no label can imitate another principal's name.
    usernames = [f"{label}~{principal_id[:SHORT_ID]}", f"{label}~{principal_id}"]
    emails = [f"{principal_id}@{identity.provider}.invalid"]
    own = clean_email(identity.email)
    if own and not (basic_plane and _beyond_basic_plane(own)):
        emails.insert(0, own)
    questions = [_taken(users.username, name) for name in usernames] + [_taken(users.email, name) for name in emails]
    answers = [bool(answer) for answer in transaction.execute(select(*questions)).one()]
    username = _first_free(usernames, answers)
    email = _first_free(emails, answers[len(usernames) :])
    if username is None or email is None:
        raise LoginRefused("fab_user_conflict", f"taken in ab_user: {usernames!r} or {emails!r}")
    return username, email


def _taken(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    # Both: the database's own idea of equality guards the column, and FAB looks users up in any letter case.
    return exists().where(or_(column == value, func.lower(column) == func.lower(value)))


def _first_free(names: list[str], taken: list[bool]) -> str | None:
    return next((name for name, is_taken in zip(names, taken, strict=False) if not is_taken), None)


def _shown(text: str, fallback: str, *, basic_plane: bool) -> str:
    if basic_plane:
        text = "".join(character for character in text if not _beyond_basic_plane(character))
    return display_name((text,), fallback)


def _beyond_basic_plane(text: str) -> bool:
    """Tell whether MySQL's three-byte ``utf8``, which FAB's columns may have, refuses the text."""
    return any(ord(character) > 0xFFFF for character in text)


def _split(name: str) -> tuple[str, str]:
    first, _, last = name.rpartition(" ")
    return (first, last) if first else (last, "")
