"""``airflow oidc db clean|migrate|downgrade``: our tables, which Airflow's own ``airflow db`` does not all reach."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

from airflow import settings as airflow_settings
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.database_error import describe_database_error
from airflow_oidc_auth.cli.command import CommandFailed, ExitCode, command
from airflow_oidc_auth.cli.session_access import confirm, now, open_runner, open_store, open_transaction
from airflow_oidc_auth.cli.text import count
from airflow_oidc_auth.sessions.break_glass import BreakGlassLinks
from airflow_oidc_auth.sessions.cleaning import count_expired
from airflow_oidc_auth.sessions.db_manager import OidcAuthDBManager

NOTHING = "none"


@dataclass(frozen=True, slots=True)
class CleanReport:
    """How many rows are gone, or would go."""

    deleted: int
    dry_run: bool

    @property
    def exit_code(self) -> ExitCode:
        """Nothing to delete is well, too."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """One line."""
        return [f"{'Would delete' if self.dry_run else 'Deleted'} {count(self.deleted, 'row')}."]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {"deleted": 0 if self.dry_run else self.deleted, "expired": self.deleted, "dry_run": self.dry_run}


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """From where to where the tables went.

    :param sql_only: the SQL has been printed and nothing was run
    """

    before: str
    after: str
    sql_only: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """What fails is no report."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """One line; none below printed SQL."""
        if self.sql_only:
            return []
        if self.before == self.after:
            return [f"Nothing to do: the tables are at revision {self.after}."]
        return [f"The tables went from revision {self.before} to {self.after}."]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {"before": self.before, "after": self.after}


@command
def clean(args: Namespace) -> CleanReport:
    """Delete what has expired; the servers do the same every 15 minutes."""
    if args.dry_run:
        return CleanReport(open_runner().run(lambda transaction: count_expired(transaction, now=now())), dry_run=True)
    deleted = open_store().delete_expired(now=now())
    deleted += BreakGlassLinks((), transactions=open_transaction).delete_old(now=now())
    return CleanReport(deleted, dry_run=False)


@command
def migrate(args: Namespace) -> MigrationReport:
    """Bring the tables to the newest revision, or to a given one."""

    def up(manager: OidcAuthDBManager) -> None:
        to, sql_only = args.to_revision, args.show_sql_only
        manager.upgradedb(to_revision=to, show_sql_only=sql_only)

    return _move(up, sql_only=args.show_sql_only, as_json=args.json)


@command
def downgrade(args: Namespace) -> MigrationReport:
    """Take the tables back to an earlier revision."""
    if not args.show_sql_only:
        shown = ["People whose session the older tables cannot hold must sign in again; `base` drops all tables."]
        confirm(f"Go back to revision {args.to_revision}?", shown, yes=args.yes, as_json=args.json)
    return _move(
        lambda manager: manager.downgrade(args.to_revision, show_sql_only=args.show_sql_only),
        sql_only=args.show_sql_only,
        as_json=args.json,
    )


def _move(action: Callable[[OidcAuthDBManager], None], *, sql_only: bool, as_json: bool) -> MigrationReport:
    from alembic.util import CommandError

    if sql_only and as_json:
        raise CommandFailed("--show-sql-only prints SQL, which is not JSON.")
    try:
        with open_session() as transaction:
            before = _revision(transaction)
            action(OidcAuthDBManager(transaction))  # type: ignore[no-untyped-call]  # Airflow's DB manager has no hints
        with open_session() as transaction:
            return MigrationReport(before, _revision(transaction), sql_only)
    except CommandError as error:
        raise CommandFailed(f"That cannot be done: {error}") from None
    except SQLAlchemyError as error:
        raise CommandFailed(f"The metadata database cannot be used: {describe_database_error(error)}") from None


def open_session() -> Transaction:
    """Return a session of Airflow's metadata database that commits nothing by itself."""
    factory = airflow_settings.NonScopedSession
    if factory is None:
        raise CommandFailed("Airflow's metadata database is not configured.")
    session: Transaction = factory()
    return session


def _revision(transaction: Transaction) -> str:
    revision = OidcAuthDBManager(transaction).get_current_revision()  # type: ignore[no-untyped-call]  # Airflow's DB manager has no hints
    transaction.commit()  # MySQL's migrations would wait for what this session has read
    return str(revision or NOTHING)
