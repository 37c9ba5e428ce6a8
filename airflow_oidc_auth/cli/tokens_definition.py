"""``airflow oidc tokens`` as Airflow's command line sees it; imported by every ``airflow`` command."""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, GroupCommand, lazy_load_command

from airflow_oidc_auth.cli.arguments import EXIT_CODES, JSON, YES, argument

_USER = argument("--user", help="Exactly the name, the e-mail or the subject of the owner.", metavar="NAME")
_ISSUER = argument("--issuer", help="The owner's issuer, together with --subject.", metavar="URL")
_SUBJECT = argument("--subject", help="The owner's subject, together with --issuer.", metavar="SUB")
_PROVIDER = argument("--provider", help="Id of the provider that the owner comes from.", metavar="ID")
_CLIENT = argument("--client", help="Exactly the client that the token was made for.", metavar="ID")
_ID = argument(
    "--id",
    help="A token: at least the first 8 characters of its id, as the list shows them. Write --id=REF if it begins with "
    "a dash.",
    dest="session",
    metavar="REF",
)
_FILTERS = (_USER, _ISSUER, _SUBJECT, _PROVIDER, _CLIENT, _ID)
_ALL = argument("--all", help="Every token of everybody.", action="store_true")
_REASON = argument("--reason", help="Why; it goes into the audit log.", required=True, metavar="TEXT")


def token_commands() -> GroupCommand:
    """Return the group ``airflow oidc tokens``."""
    return GroupCommand(
        name="tokens", help="See which programs have a token, and revoke tokens", subcommands=(_list(), _revoke())
    )


def _list() -> ActionCommand:
    return ActionCommand(
        name="list",
        help="List personal, terminal and exchanged tokens: whose, since when, for which client, until when",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.tokens.list_tokens"),
        args=(*_FILTERS, JSON),
    )


def _revoke() -> ActionCommand:
    return ActionCommand(
        name="revoke",
        help="Revoke tokens on every API server within seconds",
        description="Revoke the tokens that match, on every API server within seconds; browser sessions go on. By "
        "--user or --subject also whatever the identity provider has issued to the owner until now. Each is a row of "
        "the audit log with your reason. Fails if none matches.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.tokens.revoke_tokens"),
        args=(*_FILTERS, _ALL, _REASON, YES, JSON),
    )
