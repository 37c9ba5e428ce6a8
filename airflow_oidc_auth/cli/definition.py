"""The commands as Airflow's command line sees them; the code behind each is imported when it runs."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand, lazy_load_command

PRESETS = (
    *("oidc", "auth0", "okta", "entra", "keycloak"),
    *("google", "gitlab", "cognito", "cloudfoundry", "github"),
)
_EXIT_CODES = "Exit codes: 0 ok, 1 failed, 2 denied (or unknown arguments), 3 bad configuration."


def _arg(flag: str, **options: Any) -> Arg:
    return Arg((flag,), **options)  # type: ignore[no-untyped-call]


_JSON = _arg("--json", help="Print one JSON document instead of text.", action="store_true")
_OFFLINE = _arg(
    "--offline",
    help="Look at the configuration only: resolve no secret, ask no identity provider. For CI.",
    action="store_true",
)
_CLAIMS = _arg(
    "--claims",
    help="JSON file with the claims of an id_token, or with the documents id_token, userinfo and access_token; "
    "- is standard input.",
    required=True,
    metavar="FILE",
)
_PROVIDER = _arg(
    "--provider",
    help="Id of the provider that the claims come from. Needed if there are several.",
    metavar="ID",
)
_CONFIG_FILE = _arg("--config-file", help="Use this YAML document instead of the configured one.", metavar="FILE")
_PERMISSIONS = _arg("--permissions", help="Also list what the roles may do.", action="store_true")
_PRESET = _arg("preset", help=f"One of {', '.join(PRESETS)}.", choices=PRESETS, metavar="PRESET")
_OUTPUT = _arg("--output", help="Write to this file, which must not exist yet, instead of printing.", metavar="FILE")


def get_oidc_cli_commands() -> list[CLICommand]:
    """Return the group ``airflow oidc``."""
    return [
        GroupCommand(
            name="oidc",
            help="Sign-in with an identity provider: check, explain, start",
            subcommands=(_check(), _explain(), _init()),
        )
    ]


def _check() -> ActionCommand:
    return ActionCommand(
        name="check",
        help="Tell everything that is wrong with the configuration and the live identity providers",
        description="Check the configuration and the live identity providers, and print the addresses to register.",
        epilog=_EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.check.check"),
        args=(_OFFLINE, _JSON),
    )


def _explain() -> ActionCommand:
    return ActionCommand(
        name="explain",
        help="Tell which roles somebody with these claims gets, and why",
        description="Evaluate the rules for a file of claims. Needs no network, no secret and no database, and does "
        "not verify the claims: it says what would happen if they were genuine.",
        epilog=_EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.explain.explain"),
        args=(_CLAIMS, _PROVIDER, _CONFIG_FILE, _PERMISSIONS, _JSON),
    )


def _init() -> ActionCommand:
    return ActionCommand(
        name="init",
        help="Write a commented configuration to start from",
        description="Write a commented YAML document for a kind of identity provider.",
        epilog=_EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.init.init"),
        args=(_PRESET, _OUTPUT, _JSON),
    )
