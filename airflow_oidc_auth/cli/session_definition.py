"""The security officer's commands as Airflow's command line sees them; imported by every ``airflow`` command."""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, CLICommand, GroupCommand, lazy_load_command

from airflow_oidc_auth.cli.arguments import EXIT_CODES, JSON, YES, argument
from airflow_oidc_auth.cli.audit_definition import audit_commands
from airflow_oidc_auth.cli.tokens_definition import token_commands

_USER = argument("--user", help="Exactly the name, the e-mail or the subject of a person.", metavar="NAME")
_ISSUER = argument("--issuer", help="The identity's issuer, together with --subject.", metavar="URL")
_SUBJECT = argument("--subject", help="The identity's subject, together with --issuer.", metavar="SUB")
_PROVIDER = argument(
    "--provider", help="Id of a provider; `break-glass` for sessions of break-glass links.", metavar="ID"
)
_SESSION = argument(
    "--session",
    help="A session: at least the first 8 characters of its id. Write --session=REF if it begins with a dash.",
    metavar="REF",
)
_KIND = argument(
    "--kind", help="Only `browser` sessions, or only tokens (`token`).", choices=("browser", "token"), metavar="KIND"
)
_FILTERS = (_USER, _ISSUER, _SUBJECT, _PROVIDER, _SESSION)
_ALL = argument("--all", help="Every session of everybody.", action="store_true")
_REASON = argument("--reason", help="Why; it goes into the audit log.", required=True, metavar="TEXT")
_ROLE = argument("--role", help="The role to let somebody in with. (default: Admin)", default="Admin", metavar="ROLE")
_MINUTES = argument(
    "--minutes", help="How long the session lasts, 1 to 240. (default: 30)", type=int, default=30, metavar="N"
)
_THEIR_ISSUER = argument("--issuer", help="The identity's issuer.", required=True, metavar="URL")
_THEIR_SUBJECT = argument("--subject", help="The identity's subject.", required=True, metavar="SUB")
_DRY_RUN = argument("--dry-run", help="Say what would be done and change nothing.", action="store_true")
_TO = argument("--to-revision", help="The revision to go to. (default: the newest)", metavar="REVISION")
_BACK_TO = argument(
    "--to-revision", help="The revision to go back to; `base` drops all tables.", required=True, metavar="REVISION"
)
_SQL = argument("--show-sql-only", help="Print the SQL instead of running it.", action="store_true")


def session_commands() -> tuple[CLICommand, ...]:
    """Return the commands for the group ``airflow oidc``."""
    return (
        GroupCommand(name="sessions", help="See who is signed in, and end sessions", subcommands=(_list(), _end())),
        token_commands(),
        _break_glass(),
        _forget(),
        audit_commands(),
        GroupCommand(
            name="db", help="Clean, migrate or downgrade our tables", subcommands=(_clean(), _migrate(), _downgrade())
        ),
    )


def _list() -> ActionCommand:
    return ActionCommand(
        name="list",
        help="List who is signed in, since when, from where, and with which roles",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.sessions.list_sessions"),
        args=(*_FILTERS, _KIND, JSON),
    )


def _end() -> ActionCommand:
    return ActionCommand(
        name="end",
        help="End sessions on every API server within seconds",
        description="End the sessions that match, and the tokens made from them, on every API server within seconds. "
        "Each is a row of the audit log with your reason. Fails if none matches.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.end_sessions.end_sessions"),
        args=(*_FILTERS, _KIND, _ALL, _REASON, YES, JSON),
    )


def _break_glass() -> ActionCommand:
    return ActionCommand(
        name="break-glass",
        help="Print a one-time address that lets somebody in while the identity provider is down",
        description="Print a one-time address that lets somebody in without the identity provider. It can be opened "
        "for ten minutes; the session ends after --minutes. Creation, use and end are rows of the audit log.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.break_glass.break_glass"),
        args=(_ROLE, _MINUTES, _REASON, JSON),
    )


def _forget() -> ActionCommand:
    return ActionCommand(
        name="forget",
        help="Delete what is kept of a person and take them out of the audit log",
        description="End and delete the sessions of a person with their claims, the principal and the link to FAB's "
        "user, and replace subject, name and e-mail by a pseudonym in the audit rows that this package wrote.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.forget.forget"),
        args=(_THEIR_ISSUER, _THEIR_SUBJECT, _DRY_RUN, YES, JSON),
    )


def _clean() -> ActionCommand:
    return ActionCommand(
        name="clean",
        help="Delete expired sessions, revocations and used messages, as the servers do every 15 minutes",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.oidc_database.clean"),
        args=(_DRY_RUN, JSON),
    )


def _migrate() -> ActionCommand:
    return ActionCommand(
        name="migrate",
        help="Create our tables or bring them up to date, as `airflow db migrate` does",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.oidc_database.migrate"),
        args=(_TO, _SQL, JSON),
    )


def _downgrade() -> ActionCommand:
    return ActionCommand(
        name="downgrade",
        help="Take our tables back to an earlier revision",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.oidc_database.downgrade"),
        args=(_BACK_TO, _SQL, YES, JSON),
    )
