"""``airflow oidc export-roles``: FAB's roles as the ``roles`` section of the configuration."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import ExitCode, command
from airflow_oidc_auth.cli.fab_roles import read_fab_roles
from airflow_oidc_auth.cli.files import write_new_file
from airflow_oidc_auth.cli.role_document import write_document
from airflow_oidc_auth.cli.role_export import LeftOut, RoleExport, describe, export_roles
from airflow_oidc_auth.cli.text import count, section, table


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was exported and what was not.

    :param output: None where the document goes to standard output
    """

    export: RoleExport
    output: str | None

    @property
    def exit_code(self) -> ExitCode:
        """What cannot be exported is told and is no failure: a pipeline would drop the rest for it."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """The document itself, or where it is."""
        if self.output is None:
            return write_document(self.export)
        return [f"Wrote {count(len(self.export.roles), 'role')} to {self.output}."]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "roles": {role.name: {"allow": [dict(entry) for entry in role.allow]} for role in self.export.roles},
            "renamed": {each.fab_name: each.name for each in self.export.roles if each.name != each.fab_name},
            "not_exported": [_left_out_data(each) for each in self.export.left_out],
            "output": self.output,
        }


@command
def export_fab_roles(args: Namespace) -> ExportReport:
    """Print or write the section; never over an existing file."""
    export = export_roles(read_fab_roles())
    output = None if args.output in (None, "-") else str(args.output)
    if output is not None:
        write_new_file(output, "\n".join(write_document(export)) + "\n")
    if not args.json:
        sys.stderr.write("".join(f"{line}\n" for line in _warnings(export)))
    return ExportReport(export, output)


def _warnings(export: RoleExport) -> list[str]:
    left_out = [(each.role, _permissions(each), each.reason) for each in export.left_out]
    renamed = [(each.fab_name, f"is now {each.name}") for each in export.roles if each.name != each.fab_name]
    return [*section("Not exported", table(left_out)), *section("Renamed", table(renamed))]


def _permissions(missing: LeftOut) -> str:
    first = ", ".join(map(describe, missing.pairs[:1])) or "the whole role"
    return f"{first} and {len(missing.pairs) - 1} more" if len(missing.pairs) > 1 else first


def _left_out_data(missing: LeftOut) -> dict[str, object]:
    permissions = [{"action": action, "resource": resource} for action, resource in missing.pairs]
    return {"role": missing.role, "permissions": permissions, "reason": missing.reason}
