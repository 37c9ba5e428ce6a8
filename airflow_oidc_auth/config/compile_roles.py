"""Custom roles: what has to fit together, then roles as the policy knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from airflow_oidc_auth.config.compile_statements import check_statements, compile_statement
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path, did_you_mean, format_path, one_of
from airflow_oidc_auth.config.schema.roles import RoleModel
from airflow_oidc_auth.config.schema.statements import StatementModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.policy.builtin import ADMIN, BUILTIN_ROLES
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.statements import Statement


def role_names(raw: RawDocument) -> tuple[str, ...]:
    """Return the names of the custom roles, also of those that are not valid, so that rules may name them."""
    roles = raw.data.get("roles")
    return tuple(name for name in roles if isinstance(name, str)) if isinstance(roles, Mapping) else ()


def compile_roles(raw: RawDocument, models: Mapping[str, RoleModel], found: list[Problem]) -> dict[str, RoleSettings]:
    """Return the compiled roles by name; none after adding a problem to ``found``."""
    before = len(found)
    known = [role for role in (*BUILTIN_ROLES, *role_names(raw)) if role != ADMIN]
    for name, model in models.items():
        found += _wrong_extends(raw, ("roles", name, "extends"), model.extends or (), known)
        found += check_statements(raw, ("roles", name, "allow"), model.allow or (), deny=False)
        found += check_statements(raw, ("roles", name, "deny"), model.deny or (), deny=True)
    found += _circles(raw, {name: model.extends or () for name, model in models.items()})
    return {name: _compile(name, model) for name, model in models.items()} if len(found) == before else {}


def _compile(name: str, model: RoleModel) -> RoleSettings:
    path = ("roles", name)
    return RoleSettings(
        name,
        allow=_statements((*path, "allow"), model.allow),
        deny=_statements((*path, "deny"), model.deny),
        extends=tuple(model.extends or ()),
        description=model.description or "",
        path=format_path(path),
    )


def _statements(path: Path, entries: Sequence[StatementModel] | None) -> tuple[Statement, ...]:
    return tuple(compile_statement(entry, (*path, number)) for number, entry in enumerate(entries or ()))


def _wrong_extends(raw: RawDocument, path: Path, extends: Sequence[str], known: Sequence[str]) -> Iterator[Problem]:
    for index, role in enumerate(extends):
        if role == ADMIN:
            # Only Admin is asked no questions, and everybody looks for that name to see who may do everything.
            text, suggestion = "would make it Admin by another name", "let a rule give Admin, or extend Op"
            yield raw.problem((*path, index), text, suggestion)
        elif role not in known:
            yield raw.problem((*path, index), "is not a known role", did_you_mean(role, known) or one_of(known))


def _circles(raw: RawDocument, extends: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    told: set[str] = set()
    for name, extended in extends.items():
        way = _way_back(name, extends)
        if way and name not in told:
            told.update(way)
            text = f"leads back to the role itself: {' → '.join(way)}"
            yield raw.problem(("roles", name, "extends", extended.index(way[1])), text, "remove one of these steps")


def _way_back(start: str, extends: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the roles from ``start`` back to it, or nothing."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop()
        for role in extends.get(way[-1], ()):
            if role == start:
                return [*way, start]
            if role not in seen:
                seen.add(role)
                ways.append([*way, role])
    return []
