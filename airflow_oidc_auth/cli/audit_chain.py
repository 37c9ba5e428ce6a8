"""The chain of rows that a command writes: begun, signed and ended in the transaction of what they tell."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import nullcontext

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.audit.chain.keys import SigningKey
from airflow_oidc_auth.audit.chain.row import CHAIN_ID_BYTES, SALT_BYTES
from airflow_oidc_auth.audit.chain.statement import Statement, read_statement
from airflow_oidc_auth.audit.chain.writer import Chain
from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.cli.audit_keys import read_signing_key
from airflow_oidc_auth.cli.session_access import now
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.sessions.audit_statements import insert_statement, read_heads

_INFO = "airflow_oidc_auth.audit_chain"


def new_salt() -> str:
    """Return a salt for a row that is sealed."""
    return secrets.token_urlsafe(SALT_BYTES)


def write_records(transaction: Transaction, records: Iterable[AuditRecord]) -> None:
    """Write rows, sealed and signed where the key can be read here; the caller commits.

    Without the key a command must not fail, which may have to end a session now: its rows are in no chain then, and
    verification counts them.
    """
    key = _find_key()
    chain = None if key is None else _chain_of(transaction, key)
    sink = AirflowLogSink(lambda: nullcontext(transaction), chain=lambda: chain)
    for record in records:
        sink.write(record)
    if chain is not None and key is not None:
        _sign(transaction, chain, key)


def store(transaction: Transaction, key: SigningKey, statement: Statement) -> None:
    """Sign a statement and store it; the caller commits."""
    insert_statement(transaction, statement, key.sign(statement))


def _find_key() -> SigningKey | None:
    try:
        return read_signing_key()
    except ConfigurationError:
        return None


def _chain_of(transaction: Transaction, key: SigningKey) -> Chain:
    """Return the chain of a transaction: a thousand links that are made in one need no thousand chains."""
    chain = transaction.info.get(_INFO)
    if not isinstance(chain, Chain):
        chain = Chain(secrets.token_urlsafe(CHAIN_ID_BYTES), key, now(), new_salt)
        insert_statement(transaction, read_statement(chain.genesis), chain.genesis)
        transaction.info[_INFO] = chain
    return chain


def _sign(transaction: Transaction, chain: Chain, key: SigningKey) -> None:
    seen = read_heads(transaction, chain.id)
    while chain.unsigned()[0]:
        draft = chain.draft(now(), seen, closing=True)
        assert draft is not None  # noqa: S101 (there are rows, and each is settled)
        text = key.sign(draft)
        insert_statement(transaction, draft, text)
        chain.sign_off(draft, text)
