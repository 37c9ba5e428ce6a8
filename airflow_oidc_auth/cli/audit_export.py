"""``airflow oidc audit export``: stream audit rows to whoever collects them, one JSON object a line."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from airflow_oidc_auth.audit.chain.row import StoredRow, from_moment, to_moment
from airflow_oidc_auth.audit.ocsf import to_ocsf
from airflow_oidc_auth.cli.audit_table import one_moment, read_moment, read_rows
from airflow_oidc_auth.cli.command import ExitCode, command

_NEW_LINE = "\n"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Nothing more to say: the rows were the answer."""

    @property
    def exit_code(self) -> ExitCode:
        """No row is an answer, too."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """Return no line."""
        return []

    def data(self) -> dict[str, object]:
        """Return nothing; the command has no --json."""
        return {}


@command
def export_audit(args: Namespace) -> ExportReport:
    """Print each row as it is read; nothing is collected first."""
    now = datetime.now(timezone.utc)
    since = read_moment("--since", args.since, now)
    until = None if args.until is None else read_moment("--until", args.until, now)
    line_of = FORMATS[args.format]
    try:
        with one_moment() as transaction:
            for row in read_rows(transaction, since=since, until=until):
                sys.stdout.write(to_line(line_of, row) + _NEW_LINE)
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExportReport()


def to_line(line_of: Callable[[StoredRow], Mapping[str, object]], row: StoredRow) -> str:
    """Return a row as JSON that every reader takes, in ASCII.

    The row may be somebody's who wants none of those behind it to be collected, or a terminal to act on it: numbers
    that JSON does not have, halves of characters that no encoding has, controls that JSON lets pass.
    """
    try:
        return json.dumps(line_of(row), allow_nan=False)
    except (ValueError, RecursionError):
        return json.dumps(line_of(row._replace(extra=json.dumps({"extra": row.extra}))))


def as_written(row: StoredRow) -> Mapping[str, object]:
    """Return a row with its fields beside each other, as the log stream shows it; also its place in the chain."""
    moment = None if row.dttm is None else from_moment(to_moment(row.dttm)).isoformat()
    return {"id": row.id, "time": moment, "event": row.event, "owner": row.owner, **_fields(row)}


def as_ocsf(row: StoredRow) -> Mapping[str, object]:
    """Return a row as an OCSF event."""
    moment = 0 if row.dttm is None else to_moment(row.dttm)
    return to_ocsf(row.id, moment, row.event, row.owner, _fields(row))


FORMATS: Mapping[str, Callable[[StoredRow], Mapping[str, object]]] = {"jsonl": as_written, "ocsf": as_ocsf}


def _fields(row: StoredRow) -> Mapping[str, object]:
    try:
        fields = json.loads(row.extra or "{}")
    except (ValueError, RecursionError):
        fields = None
    # Not one of ours, or no longer: whoever collects shall see it all the same.
    return fields if isinstance(fields, dict) else {"extra": row.extra}
