"""What the commands about FAB users stand on: the configured providers, FAB's tables, and who is asking.

They work whichever auth manager is configured: links are best made before the switch to FAB mode, and stay until
after the one to the native manager. All they need is that the tables exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.airflow_log import airflow_transactions
from airflow_oidc_auth.audit.database_error import describe_database_error
from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.cli.audit_chain import write_records
from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.managers.settings import load_settings
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.sessions.models import SCHEMA, fab_users

_FAB_USERS = "ab_user"


def read_configuration() -> CompiledConfig:
    """Return the configuration; needs no secret.

    :raises ConfigurationError: with every problem of the document
    """
    settings = load_settings(resolve_secrets=False)
    if settings.document is None:
        raise ConfigurationError(settings.problems)
    compiled = settings.compile_document(settings.document)
    keep = compiled.keep_assigned_roles or bool(settings.fab and settings.fab.keep_assigned_roles)
    return replace(compiled, keep_assigned_roles=keep)


def choose_providers(configuration: CompiledConfig, wanted: str | None) -> Sequence[ProviderSettings]:
    """Return the named provider alone, or all.

    :raises CommandFailed: there is none of that name
    """
    providers = tuple(configuration.sign_in_providers.values())
    chosen = [each for each in providers if wanted in (None, each.id)]
    if not chosen:
        raise CommandFailed(f"There is no provider {wanted!r}. Configured: {', '.join(each.id for each in providers)}.")
    return chosen


@contextmanager
def fab_transaction() -> Iterator[Transaction]:
    """Open one transaction of Airflow's metadata database, FAB's tables included; commits at the end.

    :raises CommandFailed: the tables do not exist, or the database cannot be used
    """
    if find_spec("airflow.providers.fab") is None:
        raise CommandFailed("FAB is not installed here: pip install 'airflow-oidc-auth[fab]'.")
    try:
        with airflow_transactions() as transaction:
            _check_tables(transaction)
            yield transaction
    except SQLAlchemyError as error:
        raise CommandFailed(f"The metadata database cannot be used: {describe_database_error(error)}") from None


def write_audit(transaction: Transaction, records: Iterable[AuditRecord]) -> None:
    """Write the rows in the transaction of what they tell: neither is there without the other.

    Not to the log stream: in Airflow's commands that is standard output, where the report goes.
    """
    write_records(transaction, records)


def _check_tables(transaction: Transaction) -> None:
    database = inspect(transaction.connection())
    if not database.has_table(_FAB_USERS, schema=SCHEMA):
        raise CommandFailed("This Airflow has no FAB users: run `airflow fab-db migrate`.")
    if not database.has_table(fab_users.name, schema=SCHEMA):
        raise CommandFailed(f"The table {fab_users.name} does not exist yet: run `airflow db migrate`.")
