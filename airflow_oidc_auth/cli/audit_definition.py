"""``airflow oidc audit …`` as Airflow's command line sees it; imported by every ``airflow`` command."""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, GroupCommand, lazy_load_command

from airflow_oidc_auth.cli.arguments import EXIT_CODES, JSON, YES, argument

_SINCE = argument(
    "--since", help="Only rows since then: 2026-11-01, 2026-11-01T12:30 (UTC), or 7d ago.", metavar="WHEN"
)
_KEY = argument(
    "--key",
    help="File with public keys (JWK Set, as /auth/audit/jwks.json answers it), instead of the configured ones.",
    metavar="FILE",
)
_STRICT = argument(
    "--strict", help="What is worth a look fails, too: rows in no chain, ends unsigned.", action="store_true"
)


_BEFORE = argument(
    "--before", help="Rows from before then, as --since takes it: 2026-01-01, or 400d.", required=True, metavar="WHEN"
)
_DRY_RUN = argument("--dry-run", help="Say what would be removed and change nothing.", action="store_true")
_ACCEPT = argument(
    "--accept", help="Also if a verification finds something: sign for what is missing already.", action="store_true"
)

_FROM = argument(
    "--since", help="Rows from then on: 2026-11-01, 2026-11-01T12:30 (UTC), or 7d ago.", required=True, metavar="WHEN"
)
_UNTIL = argument("--until", help="Rows from before then. (default: now)", metavar="WHEN")
_FORMAT = argument(
    "--format",
    help="`jsonl`: our fields; `ocsf`: events of the Open Cybersecurity Schema Framework. (default: jsonl)",
    choices=("jsonl", "ocsf"),
    default="jsonl",
)


def audit_commands() -> GroupCommand:
    """Return the group ``airflow oidc audit``."""
    return GroupCommand(
        name="audit", help="Verify, prune and export the audit rows", subcommands=(_verify(), _prune(), _export())
    )


def _verify() -> ActionCommand:
    return ActionCommand(
        name="verify",
        help="Find audit rows that were changed, removed or moved since they were signed",
        description="Compare our rows of Airflow's log table with what the API servers signed about them, and name "
        "what differs. Changes nothing. Exits with 1 if anything differs.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.audit_verify.verify_audit"),
        args=(_SINCE, _KEY, _STRICT, JSON),
    )


def _prune() -> ActionCommand:
    return ActionCommand(
        name="prune",
        help="Remove old audit rows, and sign for it",
        description="Remove our rows of Airflow's log table from before a time, up to the last checkpoint before it in "
        "each chain, and leave a signed statement in their place. Refuses while a verification finds something.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.audit_prune.prune_audit"),
        args=(_BEFORE, _DRY_RUN, _ACCEPT, YES, JSON),
    )


def _export() -> ActionCommand:
    return ActionCommand(
        name="export",
        help="Print audit rows for a SIEM, one JSON object a line",
        description="Print our rows of Airflow's log table as they are read, oldest first, however many there are.",
        epilog=EXIT_CODES,
        func=lazy_load_command("airflow_oidc_auth.cli.audit_export.export_audit"),
        args=(_FROM, _UNTIL, _FORMAT),
    )
