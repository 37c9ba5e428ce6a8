"""What the security officer's commands stand on: the metadata database, who is asking, and a question before a deed."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from cryptography.fernet import Fernet
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.airflow_log import airflow_transactions
from airflow_oidc_auth.cli.command import CommandFailed, print_lines
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.managers.secret_option import read_secret_option
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.administration import SessionDirectory
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.limits import MAX_EXPLANATION_LENGTH
from airflow_oidc_auth.sessions.transactions import TransactionRunner


def open_transaction() -> AbstractContextManager[Transaction]:
    """Open one transaction of Airflow's metadata database."""
    return airflow_transactions()


def open_directory() -> SessionDirectory:
    """Return what searches sessions."""
    return SessionDirectory(transactions=open_transaction)


def open_runner() -> TransactionRunner:
    """Return what runs transactions; what the database says wrong becomes a ``SessionError``."""
    return TransactionRunner(open_transaction)


def open_store() -> DatabaseSessionStore:
    """Return the session store, also where no Fernet key is configured: to end sessions no token has to be read."""
    keys = read_secret_option("core", "fernet_key") or Fernet.generate_key().decode()
    return DatabaseSessionStore(TokenCipher(Secret(keys)), transactions=open_transaction)


def who_asks() -> str:
    """Return the operating system's name of whoever runs the command.

    Not as Airflow's own commands log it: they believe ``LOGNAME``, with which a deed is put down to anybody, and fail
    where an account has no name, as in containers that run under any number.
    """
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def now() -> int:
    """Return epoch seconds."""
    return int(time.time())


def read_reason(text: str) -> str:
    """Return a reason as it can be stored and shown.

    :raises CommandFailed: it is empty, too long or holds what nobody could read
    """
    reason = " ".join(text.split())
    if not reason or len(reason) > MAX_EXPLANATION_LENGTH or printable(reason) != reason:
        raise CommandFailed(f"--reason must say why, in 1 to {MAX_EXPLANATION_LENGTH} printable characters.")
    return reason


def confirm(
    question: str,
    shown: Sequence[str],
    *,
    yes: bool,
    as_json: bool,
    ask: Callable[[str], str] | None = None,
) -> None:
    """Ask whoever runs the command, unless ``--yes`` answers already.

    :raises CommandFailed: no, or nobody can be asked
    """
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise CommandFailed("Nobody can be asked here: add --yes. Nothing was changed.")
    print_lines(shown, sys.stdout)
    try:
        answer = (ask or input)(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandFailed("Nothing was changed.")
