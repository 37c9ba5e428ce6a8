"""What roles allow and deny, as a table for people and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from airflow_oidc_auth.cli.text import section, table
from airflow_oidc_auth.policy.overview import Overview
from airflow_oidc_auth.policy.words import Line, describe_role

Where = Callable[[str], str]
"""File and line of a statement, by its path; empty where that is not known."""


def rights_text(rights: Overview, where: Where, within: str = "") -> list[str]:
    """Return sections: what may be done with all of a kind, with some, what may not, and what in each team."""
    whole = [(name, ", ".join(verbs)) for name, verbs in rights.resources.items()]
    whole = [("everything", "")] if rights.everything else whole
    some = [] if rights.everything else rights.some
    lines = [
        *section(f"May do{within}", table([("nothing", "")] if rights.nothing else whole)),
        *section(f"May do with some{within}", table(_rows(some, where))),
        *section(f"May not do, whatever allows it{within}", table(_rows(rights.denied, where))),
    ]
    for each in rights.teams:
        roles = ", ".join(map(describe_role, each.roles))
        lines += rights_text(each.overview, where, f" in team {each.team} ({roles})")
    return lines


def rights_data(rights: Overview, where: Where) -> dict[str, object]:
    """Return the same for a program."""
    return {
        "everything": rights.everything,
        "resources": {resource: list(verbs) for resource, verbs in rights.resources.items()},
        "allow": [_line_data(each, where) for each in rights.some],
        "deny": [_line_data(each, where) for each in rights.denied],
        "teams": {each.team: {"roles": list(each.roles), **rights_data(each.overview, where)} for each in rights.teams},
    }


def _rows(lines: Iterable[Line], where: Where) -> list[tuple[str, str, str]]:
    return [(each.actions, each.statement.path, f"{each.things}\n{_source(each, where)}") for each in lines]


def _source(line: Line, where: Where) -> str:
    through = f", through {describe_role(line.through)}" if line.through != line.role else ""
    place = where(line.statement.path)
    return f"role {describe_role(line.role)}{through}{f', {place}' if place else ''}"


def _line_data(line: Line, where: Where) -> dict[str, object]:
    statement = line.statement
    return {
        "actions": list(statement.actions),
        "kind": statement.kind,
        "parts": None if statement.parts is None else list(statement.parts),
        "things": line.things,
        "role": line.role,
        "through": line.through,
        "path": statement.path,
        "where": where(statement.path) or None,
    }
