"""``airflow oidc audit verify``: find what was changed, removed or moved since it was signed, and say which."""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime, timezone

from airflow_oidc_auth.audit.chain.row import to_moment
from airflow_oidc_auth.audit.chain.verify import verify
from airflow_oidc_auth.cli.audit_keys import read_trusted_keys
from airflow_oidc_auth.cli.audit_report import VerifyReport
from airflow_oidc_auth.cli.audit_table import DatabaseTrail, one_moment, read_moment
from airflow_oidc_auth.cli.command import command


@command
def verify_audit(args: Namespace) -> VerifyReport:
    """Read everything once; changes nothing."""
    now = datetime.now(timezone.utc)
    since = None if args.since is None else read_moment("--since", args.since, now)
    keys = read_trusted_keys(args.key)
    with one_moment() as transaction:
        trail = DatabaseTrail(transaction, since)
        found = verify(trail, keys, since=0 if since is None else to_moment(since))
    return VerifyReport(found, now, strict=bool(args.strict))
