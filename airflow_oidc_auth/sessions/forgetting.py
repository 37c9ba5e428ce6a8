"""Delete what the tables hold of one person: sessions with their claims, the link to FAB's user, the principal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.sessions import models

_P = models.principals.c
_S = models.sessions.c
_F = models.fab_users.c


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a person.

    :param known: whether there is a principal
    :param sessions: live, ended and expired ones
    :param names: display names and e-mails, of the principal and of each sign-in
    :param fab_user_id: the FAB user of the link; the user itself is FAB's
    """

    known: bool
    sessions: int
    names: frozenset[str]
    fab_user_id: int | None


def find_kept(transaction: Transaction, principal_id: str) -> Kept:
    """Return what is kept."""
    mine = _S.principal_id == principal_id
    total = transaction.execute(select(func.count()).select_from(models.sessions).where(mine)).scalar_one()
    named: Sequence[tuple[str | None, str | None]] = [
        *transaction.execute(select(_P.name, _P.email).where(_P.id == principal_id)).tuples(),
        *transaction.execute(select(_S.name, _S.email).where(mine).distinct()).tuples(),
    ]
    known = transaction.execute(select(_P.id).where(_P.id == principal_id)).scalar_one_or_none() is not None
    linked = transaction.execute(select(_F.user_id).where(_F.principal_id == principal_id)).scalar_one_or_none()
    return Kept(known, total, frozenset(name for pair in named for name in pair if name), linked)


def delete_kept(transaction: Transaction, principal_id: str) -> None:
    """Delete it all. Sessions must have ended, or other servers would go on with what they remember."""
    transaction.execute(delete(models.fab_users).where(_F.principal_id == principal_id))
    transaction.execute(delete(models.sessions).where(_S.principal_id == principal_id))
    transaction.execute(delete(models.principals).where(_P.id == principal_id))
