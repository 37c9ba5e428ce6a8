"""After a new Fernet key: encrypt with it what an older one encrypted, so that the older one can be dropped.

``airflow rotate-fernet-key`` knows Airflow's own tables only.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.keepers import TOKENS
from airflow_oidc_auth.sessions.transactions import TransactionRunner, rows

BATCH = 200

_S = models.sessions.c
_SEALED = (*TOKENS, "claims")


def reseal_all(runner: TransactionRunner, cipher: TokenCipher) -> int:
    """Encrypt anew, in small transactions; return how many values. Several servers may do so at the same time.

    :raises SessionError: ``session_store_unavailable``; what was done stays done
    """
    last, total = "", 0
    while cipher.has_older_keys:
        found = runner.run(partial(_read_batch, after=last))
        for row in found:
            changes = {name: new for name in _SEALED if (new := cipher.reseal(getattr(row, name))) is not None}
            total += runner.run(partial(_write, row=row, changes=changes)) if changes else 0
        if len(found) < BATCH:
            break
        last = found[-1].id
    return total


def _read_batch(transaction: Transaction, *, after: str) -> list[Any]:
    columns = [_S[name] for name in _SEALED]
    wanted = and_(_S.id > after, or_(*(column.is_not(None) for column in columns)))
    return list(transaction.execute(select(_S.id, *columns).where(wanted).order_by(_S.id).limit(BATCH)).all())


def _write(transaction: Transaction, *, row: Any, changes: dict[str, str]) -> int:
    # Each value only if it is what was read: a re-check may have stored the IdP's new token meanwhile.
    statements = (
        update(models.sessions).where(_S.id == row.id, _S[name] == getattr(row, name)).values({name: new})
        for name, new in changes.items()
    )
    return sum(rows(transaction.execute(statement)) for statement in statements)
