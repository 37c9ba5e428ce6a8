"""``airflow oidc can`` and ``plan`` as Airflow's command line sees them; imported by every ``airflow`` command."""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, lazy_load_command

from airflow_oidc_auth.cli.arguments import EXIT_CODES, JSON, argument

_SUBJECT = argument(
    "subject",
    help="Whose right: exactly the name, the e-mail, the subject or the principal id of somebody who has signed in. "
    "Left out with --claims.",
    nargs="?",
    metavar="SUBJECT",
)
_ACTION = argument(
    "action", help="read, create, edit, delete or menu; with a DAG also run, clear, pause or respond.", metavar="ACTION"
)
_RESOURCE = argument(
    "resource",
    help="The thing: dag:ID, dag:ID/PART (runs, tasks, logs, code, xcoms, audit_log, dependencies, versions, warnings, "
    "required_actions), connection:ID, variable:KEY, pool:NAME, asset:NAME, configuration:SECTION, view:jobs, "
    "menu:connections, team:NAME, custom_view:NAME. Without :NAME it is the list of all.",
    metavar="RESOURCE",
)
_CLAIMS = argument(
    "--claims", help="File with claims, as `airflow oidc explain` takes it, instead of SUBJECT.", metavar="FILE"
)
_PROVIDER = argument(
    "--provider", help="Id of the provider that the claims come from. Needed if there are several.", metavar="ID"
)
_ISSUER = argument(
    "--issuer", help="Issuer; SUBJECT is then the id that this identity provider sends as `sub`.", metavar="URL"
)
_CONFIG = argument(
    "--config",
    "--config-file",
    dest="config_file",
    help="Use this YAML document instead of the configured one.",
    metavar="FILE",
)
_TAG = argument(
    "--tag",
    help="The DAG has this tag. Facts about a DAG are used instead of the metadata database; may be repeated.",
    action="append",
    metavar="TAG",
)
_OWNER = argument("--owner", help="The DAG has this owner; may be repeated.", action="append", metavar="NAME")
_BUNDLE = argument("--bundle", help="The DAG comes from this bundle.", metavar="NAME")
_TEAM = argument("--team", help="The thing is of this team.", metavar="NAME")
_NEW = argument("new", help="The YAML document that is to be used.", metavar="NEW.yaml")
_DAYS = argument("--days", help="Look at the people seen in so many days; 30 if not given.", default=30, type=int)


def can_command() -> ActionCommand:
    """Return ``airflow oidc can``."""
    return ActionCommand(
        name="can",
        help="Tell whether somebody may do something, and which line of the document decides",
        description="Answer one question as the API server would, and name the line of the document that decides. "
        "Exit code 0 is allow, 2 is deny; nothing is changed. Options go before SUBJECT or after RESOURCE.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.can.can"),
        args=(
            *(_SUBJECT, _ACTION, _RESOURCE),
            *(_CLAIMS, _PROVIDER, _ISSUER, _CONFIG, _TAG, _OWNER, _BUNDLE, _TEAM, JSON),
        ),
    )


def plan_command() -> ActionCommand:
    """Return ``airflow oidc plan``."""
    return ActionCommand(
        name="plan",
        help="Tell who gains and who loses what by another document, before it is used",
        description="Compare a new document with the configured one for the people seen lately: roles, teams and what "
        "they may really do, with this database's DAGs, connections, variables and pools. Changes nothing.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.plan.plan"),
        args=(_NEW, _DAYS, JSON),
    )
