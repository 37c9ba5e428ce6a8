"""The commands as Airflow's command line sees them; the code behind each is imported when it runs."""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, CLICommand, GroupCommand, lazy_load_command

from airflow_oidc_auth.cli.arguments import EXIT_CODES, JSON, YES, argument
from airflow_oidc_auth.cli.can_definition import can_command, plan_command
from airflow_oidc_auth.cli.login_definition import terminal_commands
from airflow_oidc_auth.cli.session_definition import session_commands

PRESETS = (
    *("oidc", "auth0", "okta", "entra", "keycloak"),
    *("google", "gitlab", "cognito", "cloudfoundry", "github"),
    *("saml", "okta-saml", "entra-saml", "auth0-saml", "aws-identity-center", "adfs"),
    *("github-actions", "gitlab-ci", "kubernetes", "aws"),
    *("azure-workload", "gcp-workload", "cloudfoundry-clients", "jwt"),
)


_OFFLINE = argument(
    "--offline",
    help="Look at the configuration only: resolve no secret, ask no identity provider. For CI.",
    action="store_true",
)
_CLAIMS = argument(
    "--claims",
    help="JSON file with the claims of an id_token, or with the documents id_token, userinfo and access_token; "
    "with SAML the XML of an assertion or response, its base64, or JSON of attributes; - is standard input.",
    required=True,
    metavar="FILE",
)
_PROVIDER = argument(
    "--provider",
    help="Id of the provider that the claims come from. Needed if there are several.",
    metavar="ID",
)
_CONFIG_FILE = argument("--config-file", help="Use this YAML document instead of the configured one.", metavar="FILE")
_PERMISSIONS = argument(
    "--permissions", help="Also list what the roles may do, what is denied, and in which team.", action="store_true"
)
_PRESET = argument("preset", help=f"One of {', '.join(PRESETS)}.", choices=PRESETS, metavar="PRESET")
_USERNAME = argument(
    "username", help="The FAB user, as `airflow users list` shows it. Letter case counts.", metavar="USERNAME"
)
_LINKED_USERNAME = argument(
    "username", help="The FAB user. Left out where the identity is named.", metavar="USERNAME", nargs="?"
)
_ISSUER_HELP = "The identity's issuer: that of a configured provider."
_SUBJECT_HELP = "The identity's subject: what the provider sends as `sub`."
_ISSUER = argument("--issuer", help=_ISSUER_HELP, required=True, metavar="URL")
_SUBJECT = argument("--subject", help=_SUBJECT_HELP, required=True, metavar="SUB")
_LINKED_ISSUER = argument("--issuer", help="The identity's issuer, instead of the user.", metavar="URL")
_LINKED_SUBJECT = argument("--subject", help="The identity's subject, instead of the user.", metavar="SUB")
_DRY_RUN = argument("--dry-run", help="Say what would be linked and change nothing.", action="store_true")
_MAPPING = argument(
    "--mapping",
    help="CSV file with the header username,subject or username,subject,issuer, for users whose name does not tell "
    "who they are.",
    metavar="FILE",
)
_ONLY_PROVIDER = argument("--provider", help="Id of the provider that all users come from.", metavar="ID")
_OUTPUT = argument(
    "--output", help="Write to this file, which must not exist yet, instead of printing.", metavar="FILE"
)


def get_oidc_cli_commands() -> list[CLICommand]:
    """Return the group ``airflow oidc``."""
    return [
        GroupCommand(
            name="oidc",
            help="Sign-in with an identity provider: check, explain, ask, plan, start, see and end sessions",
            subcommands=(
                *(_check(), _explain(), can_command(), plan_command(), _init()),
                *session_commands(),
                *terminal_commands(),
                *(_link(), _unlink(), _links(), _migrate_fab(), _export_roles()),
            ),
        )
    ]


def _check() -> ActionCommand:
    return ActionCommand(
        name="check",
        help="Tell everything that is wrong with the configuration and the live identity providers",
        description="Check the configuration and the live identity providers, and print the addresses to register.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.check.check"),
        args=(_OFFLINE, JSON),
    )


def _explain() -> ActionCommand:
    return ActionCommand(
        name="explain",
        help="Tell which roles somebody with these claims gets, and why",
        description="Evaluate the rules for a file of claims. Needs no network, no secret and no database, and does "
        "not verify the claims: it says what would happen if they were genuine.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.explain.explain"),
        args=(_CLAIMS, _PROVIDER, _CONFIG_FILE, _PERMISSIONS, JSON),
    )


def _init() -> ActionCommand:
    return ActionCommand(
        name="init",
        help="Write a commented configuration to start from",
        description="Write a commented YAML document for a kind of identity provider.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.init.init"),
        args=(_PRESET, _OUTPUT, JSON),
    )


def _link() -> ActionCommand:
    return ActionCommand(
        name="link",
        help="Let an existing FAB user be the account of an identity",
        description="Link an existing FAB user to an identity, with a row in the audit log. The next sign-in of the "
        "identity is that user's. Works before the switch to FAB mode, too.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.link.link"),
        args=(_USERNAME, _ISSUER, _SUBJECT, JSON),
    )


def _unlink() -> ActionCommand:
    return ActionCommand(
        name="unlink",
        help="Take the identity away from a FAB user",
        description="Unlink a FAB user and its identity, with a row in the audit log. Sessions end within seconds.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.link.unlink"),
        args=(_LINKED_USERNAME, _LINKED_ISSUER, _LINKED_SUBJECT, JSON),
    )


def _links() -> ActionCommand:
    return ActionCommand(
        name="links",
        help="List which FAB user is whose account",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.links.links"),
        args=(JSON,),
    )


def _migrate_fab() -> ActionCommand:
    return ActionCommand(
        name="migrate-fab",
        help="Link the users whom stock FAB's AUTH_OAUTH made",
        description="Propose links for the existing FAB users, from the identity provider's own ids in their names or "
        "from a mapping file, never from names or e-mail addresses that people can choose; then make all of them or "
        "none, with a row each in the audit log.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.migrate_fab.migrate_fab"),
        args=(_DRY_RUN, _MAPPING, _ONLY_PROVIDER, YES, JSON),
    )


def _export_roles() -> ActionCommand:
    return ActionCommand(
        name="export-roles",
        help="Write FAB's roles as the roles section of the configuration",
        description="Write every role of FAB's database that is not built in, for the native auth manager. What the "
        "configuration cannot express is left out and named, in the document and on standard error.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.export_roles.export_fab_roles"),
        args=(_OUTPUT, JSON),
    )
