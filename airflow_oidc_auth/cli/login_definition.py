"""The commands for people at a terminal as Airflow's command line sees them; imported by every ``airflow`` command."""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, CLICommand, lazy_load_command

from airflow_oidc_auth.cli.arguments import EXIT_CODES, JSON, argument

_URL = argument(
    "--url",
    help="Address of the Airflow, as in the browser. (default: the one that this environment was signed in to last)",
    metavar="URL",
)
_PROVIDER = argument(
    "--provider", help="Id of the provider to sign in with. Needed if there is a choice.", metavar="ID"
)
_ENV = argument(
    "--env",
    help="Name under which airflowctl finds the token. (default: AIRFLOW_CLI_ENVIRONMENT, else production)",
    metavar="NAME",
)
_DEVICE = argument(
    "--device", help="Show a code to enter in a browser anywhere, also on another device.", action="store_true"
)
_BROWSER = argument("--browser", help="Sign in with the browser of this machine.", action="store_true")
_PORT = argument(
    "--port",
    help="Port of 127.0.0.1 that the browser comes back to, where the identity provider insists on a registered one. "
    "(default: any free one)",
    type=int,
    default=0,
    metavar="N",
)
_ISSUER = argument(
    "--issuer",
    help="The identity provider that you expect: refuse any other, and accept this one also on a private address.",
    metavar="URL",
)


def terminal_commands() -> tuple[CLICommand, ...]:
    """Return the commands for the group ``airflow oidc``."""
    return (_login(), _logout(), _token())


def _login() -> ActionCommand:
    return ActionCommand(
        name="login",
        help="Sign in to an Airflow from this terminal, for airflowctl, curl and scripts",
        description="Sign in at the identity provider of a (remote) Airflow and store the Airflow token where "
        "airflowctl finds it. Needs no database and no configuration of the server.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.login.login"),
        args=(_URL, _PROVIDER, _DEVICE, _BROWSER, _ENV, _PORT, _ISSUER, JSON),
    )


def _logout() -> ActionCommand:
    return ActionCommand(
        name="logout",
        help="Revoke what `login` stored, at Airflow and at the identity provider, and remove it",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.logout.logout"),
        args=(_ENV, JSON),
    )


def _token() -> ActionCommand:
    return ActionCommand(
        name="token",
        help="Print a fresh token, for curl and scripts",
        description="Print the stored Airflow token, refreshed when it is near its end: "
        'curl -H "Authorization: Bearer $(airflow oidc token)" …',
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.login_token.token"),
        args=(_ENV, JSON),
    )
