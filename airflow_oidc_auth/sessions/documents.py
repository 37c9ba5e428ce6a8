"""The last document that a server accepted, for servers that start while the one on disk cannot be used.

One row per place that documents come from. What is kept is the data, which holds references to secrets and no secret;
comments, where somebody may have written one, are not data. It is sealed with a key derived from ``[core]
fernet_key``: who can write rows cannot plant a policy, nor move one to another place. Who accepts another document is
settled by one compare-and-set, so that of all servers one tells the audit.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.transactions import ATTEMPTS, TransactionRunner, Transactions, rows

log = logging.getLogger(__name__)

_D = models.documents.c


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document that was accepted.

    :param source: where it comes from; a document of another place is never used in its stead
    :param digest: of the configuration it became
    :param accepted_at: epoch seconds
    :param data: as the document held it
    """

    source: str
    digest: str
    accepted_at: int
    data: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """This server was the first of all to accept a document.

    :param previous: what was accepted before; None if nothing was, or if it cannot be opened
    """

    previous: KeptDocument | None


class KeptDocuments:
    """Thread-safe; every method blocks.

    :param fernet: from :func:`airflow_oidc_auth.login.keys.derive_document_fernet`
    """

    def __init__(self, fernet: MultiFernet, *, transactions: Transactions = airflow_transactions) -> None:
        self._fernet = fernet
        self._runner = TransactionRunner(transactions)

    def find(self, source: str) -> KeptDocument | None:
        """Return what was accepted last from a place; None for nothing, or nothing that can be believed.

        :raises SessionError: ``session_store_unavailable``
        """
        row = self._runner.run(lambda transaction: _read(transaction, source))
        return None if row is None else self._open(row, source)

    def keep(self, document: KeptDocument) -> Accepted | None:
        """Keep a document; None if it was the last one already, whichever server accepted it.

        :raises SessionError: ``session_store_unavailable``
        """
        sealed = self._seal(document)
        for _ in range(ATTEMPTS):
            row = self._runner.run(lambda transaction: _read(transaction, document.source))
            previous = None if row is None else self._open(row, document.source)
            if row is not None and row.digest == document.digest and previous is not None:
                return None
            # None: another server was faster with the first row.
            work = partial(_write, document=document, sealed=sealed, row=row)
            if self._runner.run(work, settled_by_duplicate=True):
                # Sealed anew, because it could not be opened (the key was changed): the document is the same.
                return None if row is not None and row.digest == document.digest else Accepted(previous)
        raise SessionError("session_store_unavailable", "the last accepted document changes all the time")

    def _seal(self, document: KeptDocument) -> str:
        fields = {
            "source": document.source,
            "digest": document.digest,
            "accepted_at": document.accepted_at,
            "data": dict(document.data),
        }
        return self._fernet.encrypt(json.dumps(fields).encode("ascii")).decode("ascii")

    def _open(self, row: Any, source: str) -> KeptDocument | None:
        try:
            kept = KeptDocument(**json.loads(self._fernet.decrypt(row.sealed.encode("ascii"))))
        except (InvalidToken, ValueError, TypeError):
            log.warning("The last accepted document cannot be opened: [core] fernet_key or the row was changed")
            return None
        if (kept.source, kept.digest) != (source, row.digest):
            log.error("The last accepted document is not believed: its row was changed")
            return None
        return kept


def _read(transaction: Transaction, source: str) -> Any:
    return transaction.execute(select(models.documents).where(_D.source_key == _key(source))).one_or_none()


def _write(transaction: Transaction, document: KeptDocument, sealed: str, row: Any) -> bool:
    """Replace what was read; False if another server was faster."""
    values = {"digest": document.digest, "sealed": sealed, "accepted_at": document.accepted_at}
    if row is None:
        transaction.execute(insert(models.documents).values(source_key=_key(document.source), **values))
        return True
    unchanged = (_D.source_key == _key(document.source), _D.digest == row.digest)
    return rows(transaction.execute(update(models.documents).where(*unchanged).values(values))) > 0


def _key(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()
