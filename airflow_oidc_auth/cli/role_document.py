"""The ``roles`` section as YAML for people: grouped, commented, nothing unquoted that could be more than text."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from airflow_oidc_auth.cli.role_export import Entry, ExportedRole, LeftOut, RoleExport, describe
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.identity.text import is_printable

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*( [A-Za-z][A-Za-z0-9_-]*)*")
# What some reader of YAML takes for a value.
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})

_HEAD = (
    "Custom roles, from FAB's database. Write them into the document that [oidc_auth] config_file names.",
    "Admin, Op, User, Viewer and Public are built in and are missing here where FAB's are unchanged.",
)


def write_document(export: RoleExport) -> list[str]:
    """Return the lines."""
    alone = [each for each in export.left_out if all(each.role != role.fab_name for role in export.roles)]
    lines = [*_comments(_HEAD, ""), *_comments(map(_left_out, alone), "")]
    if not export.roles:
        return [*lines, "roles: {}"]
    return [*lines, "roles:", *(line for role in export.roles for line in _role(role))]


def _role(role: ExportedRole) -> Iterator[str]:
    yield f"  {quoted(role.name)}:"
    if role.name != role.fab_name:
        text = f"In FAB: {role.fab_name}. That name cannot be defined here; let your rules give this role."
        yield from _comments([text, *role.changes], "    ")
    yield from _comments(map(_left_out, role.left_out), "    ")
    yield "    allow:"
    for entry in role.allow:
        yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    mark = "- "
    for key, values in entry.items():
        yield from _listed(f"      {mark}{key}:", values)
        mark = "  "


def _listed(key: str, values: Sequence[str]) -> Iterator[str]:
    line = f"{key} [{', '.join(map(quoted, values))}]"
    if len(line) <= _WIDTH:
        yield line
        return
    yield key
    yield from (f"          - {quoted(value)}" for value in values)


def quoted(text: str) -> str:
    """Return text as YAML; in quotes unless it can be nothing else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "".join(c if is_printable(c) else f"\\U{ord(c):08x}" for c in json.dumps(text, ensure_ascii=False))


def _left_out(missing: LeftOut) -> str:
    what = ", ".join(map(describe, missing.pairs)) or "the whole role"
    return f"NOT EXPORTED from {missing.role}: {what} ({missing.reason})"


def _comments(texts: Iterable[str], indent: str) -> Iterator[str]:
    """Yield comment lines; a line break in a name of FAB's must not end the comment."""
    for text in texts:
        wrapped = textwrap.wrap(printable(text), _WIDTH - len(indent) - 2, break_long_words=False)
        yield from (f"{indent}# {line}" for line in wrapped)
