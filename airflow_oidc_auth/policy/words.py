"""Statements in plain words, for whoever asks what a role allows: the command line and my access."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement

ALL = ("*",)
_PART_WORDS: Mapping[str, str] = {
    "dag": "the DAG itself",
    "audit_log": "audit log",
    "required_actions": "required actions",
    "xcoms": "XComs",
}
_DAG_WORDS = (
    ("ids", "with", "id"),
    ("tags", "with", "tag"),
    ("owners", "of", "owner"),
    ("bundles", "from", "bundle"),
    ("teams", "of", "team"),
)
_NOUNS: Mapping[str, str] = {
    "configuration": "configuration sections",
    "custom_views": "plugins' views",
    "menu": "menu items",
    "views": "pages",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One statement that counts for somebody.

    :param role: the role that holds the statement
    :param through: the role of the person that brings it; the same one, or one that extends ``role``
    :param team: the team within which it holds; None for everywhere
    """

    effect: Literal["allow", "deny"]
    statement: Statement
    role: str
    through: str
    team: str | None = None

    @property
    def actions(self) -> str:
        """What may or may not be done."""
        return ", ".join(self.statement.actions)

    @property
    def things(self) -> str:
        """To what; where a DAG is named as a whole, a deny says that its parts are meant too."""
        return describe_selection(self.statement, deny=self.effect == "deny")


def lines_of(
    roles: Iterable[str], team_roles: Iterable[tuple[str, str]], settings: Mapping[str, RoleSettings]
) -> tuple[Line, ...]:
    """Return the statements of the custom roles and of all that they extend: denies first, because they win.

    Built-in roles have no statements; roles that the configuration does not know have none either.
    """
    held: list[tuple[str, str | None]] = [(role, None) for role in sorted(set(roles))]
    held += [(role, team) for team, role in sorted(set(team_roles))]
    found = [line for role, team in held for line in _lines(role, team, settings)]
    return (*(one for one in found if one.effect == "deny"), *(one for one in found if one.effect == "allow"))


def _lines(through: str, team: str | None, settings: Mapping[str, RoleSettings]) -> Iterator[Line]:
    for role in closure((through,), settings):
        if (known := settings.get(role)) is not None:
            yield from (Line("deny", each, role, through, team) for each in known.deny)
            yield from (Line("allow", each, role, through, team) for each in known.allow)


def closure(roles: Iterable[str], settings: Mapping[str, RoleSettings]) -> tuple[str, ...]:
    """Return the roles and all that they extend, each once, in the order in which they are come by."""
    seen: dict[str, None] = {}
    todo = list(roles)[::-1]
    while todo:
        role = todo.pop()
        if role not in seen:
            seen[role] = None
            todo += settings[role].extends[::-1] if role in settings else ()
    return tuple(seen)


def is_denials(name: str) -> bool:
    """Return whether a name stands for what a role denies, and nothing else."""
    return name.startswith("{") and name.endswith("}")


def describe_role(name: str) -> str:
    """Return a role's name; ``denials of contractor`` for what that role denies, and nothing else."""
    return f"denials of {name[1:-1]}" if is_denials(name) else name


def describe_statement(statement: Statement, *, deny: bool = False) -> str:
    """Return ``deny read on DAGs with id finance_*, with all their parts``."""
    actions = ", ".join(statement.actions)
    return f"{'deny' if deny else 'allow'} {actions} on {describe_selection(statement, deny=deny)}"


def describe_selection(statement: Statement, *, deny: bool) -> str:
    """Return the things that a statement is for."""
    selector = statement.selector
    if isinstance(selector, DagSelector):
        return _dags(selector, statement.parts, deny=deny)
    noun = _NOUNS.get(statement.kind, statement.kind)
    if isinstance(selector, NameSelector):
        return _named(noun, selector)
    if statement.kind == "resources":
        return ", ".join(selector)
    return f"{noun} {_listed(selector)}"


def _dags(selector: DagSelector, parts: Sequence[str] | None, *, deny: bool) -> str:
    words = [
        (before, f"{noun} {_listed(each)}") for key, before, noun in _DAG_WORDS if (each := getattr(selector, key))
    ]
    dags = f"DAGs {words[0][0]} {' and '.join(word for _, word in words)}" if words else "no DAG"
    if selector == DagSelector(ids=ALL):
        dags = "every DAG"
    if parts is None:
        return f"{dags}, with all parts" if deny else dags
    if "all" in parts:
        return f"{dags}, with all parts"
    return f"{', '.join(_PART_WORDS.get(part, part) for part in parts)} of {dags}"


def _named(noun: str, selector: NameSelector) -> str:
    names = "" if selector.names in ((), ALL) else f" {_listed(selector.names)}"
    teams = f" of team {_listed(selector.teams)}" if selector.teams else ""
    return f"{noun}{names}{teams}" if names or teams else f"all {noun}"


def _listed(values: Sequence[str]) -> str:
    *head, last = values
    return f"{', '.join(head)} or {last}" if head else last
