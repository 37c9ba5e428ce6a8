"""Statements of roles: actions that exist for what they are applied to, then as the policy knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import cast

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path, format_path, one_of
from airflow_oidc_auth.config.schema.statements import DagsModel, NamesModel, StatementModel, selected
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import ACTION_METHODS, MACROS, Kind, Statement

_THINGS = ("read", "create", "edit", "delete")
_WHOLE_DAG = ("read", "edit", "delete")
_ACTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "resources": tuple(ACTION_METHODS),
        "custom_views": tuple(ACTION_METHODS),
        **dict.fromkeys(("connections", "variables", "pools", "assets"), _THINGS),
        **dict.fromkeys(("configuration", "views"), ("read",)),
        "menu": ("menu",),
    }
)
"""Kind → the actions that exist for it; those on DAGs depend on what else is written."""


def check_statements(
    raw: RawDocument, path: Path, entries: Sequence[StatementModel], *, deny: bool
) -> Iterator[Problem]:
    """Yield what does not fit together; ``path`` is the list's."""
    for number, entry in enumerate(entries):
        yield from _wrong_parts(raw, (*path, number, "parts"), entry)
        known = _actions(entry, deny=deny)
        for index, action in enumerate(entry.actions):
            if action not in known:
                text, suggestion = _words(action, entry.kind, known)
                yield raw.problem((*path, number, "actions", index), text, suggestion)


def compile_statement(entry: StatementModel, path: Path) -> Statement:
    """Return the statement that stands at ``path``."""
    parts = None if entry.parts is None else tuple(entry.parts)
    return Statement(tuple(entry.actions), cast("Kind", entry.kind), _selector(entry), parts, format_path(path))


def _selector(entry: StatementModel) -> DagSelector | NameSelector | tuple[str, ...]:
    chosen = selected(entry)
    if isinstance(chosen, DagsModel):
        keys = (chosen.ids, chosen.tags, chosen.owners, chosen.bundles, chosen.teams)
        return DagSelector(*(tuple(globs or ()) for globs in keys))
    if isinstance(chosen, NamesModel):
        return NameSelector(tuple(chosen.names or ()), tuple(chosen.teams or ()))
    return NameSelector(tuple(chosen)) if entry.kind == "assets" else tuple(chosen)


def _actions(entry: StatementModel, *, deny: bool) -> tuple[str, ...]:
    if entry.kind != "dags":
        return _ACTIONS[entry.kind]
    # Nobody creates a DAG through Airflow; to deny it takes away the creation of its parts.
    return (*(_WHOLE_DAG if entry.parts is None and not deny else _THINGS), *MACROS)


def _words(action: str, kind: str, known: Sequence[str]) -> tuple[str, str]:
    if action in MACROS:
        return "is an action on DAGs", f"write dags, or {one_of(known)}"
    if kind == "dags" and action == "create":
        return "is no action on a DAG as a whole", "write run to start runs, or name the parts to create"
    if kind == "dags":
        return "is no action on a single DAG", one_of(known)
    return f"is no action on {kind.replace('_', ' ')}", one_of(known)


def _wrong_parts(raw: RawDocument, path: Path, entry: StatementModel) -> Iterator[Problem]:
    if entry.parts is None:
        return
    if entry.kind != "dags":
        yield raw.problem(path, "is only for dags", "remove it, or select dags")
    elif all(action in MACROS for action in entry.actions):
        # Whoever wrote `run` with `parts: [logs]` would believe that it opens the logs.
        named = " and ".join(entry.actions)
        yield raw.problem(path, f"changes nothing: {named} says itself which parts are meant", "remove it, or add read")
