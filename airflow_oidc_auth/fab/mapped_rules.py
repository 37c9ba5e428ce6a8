"""FAB's own settings as rules: ``AUTH_ROLES_MAPPING`` and ``AUTH_USER_REGISTRATION_ROLE``.

They join the rules of the document, so that there is one reasoning, one explanation and one audit row for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path, shorten
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.fab.webserver_config import WebserverConfig

MAPPING = "AUTH_ROLES_MAPPING"
REGISTRATION = "AUTH_USER_REGISTRATION"
REGISTRATION_ROLE = "AUTH_USER_REGISTRATION_ROLE"
_EXAMPLE = 'write it as {"airflow-admins": ["Admin"], "data": ["User", "Analyst"]}'


@dataclass(frozen=True, slots=True)
class MappedRule:
    """One rule as the document would hold it.

    :param name: also its place, in the words of ``webserver_config.py``
    """

    name: str
    where: str
    when: Mapping[str, object]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MappedRules:
    """Rules beside those of the document; they survive its reload.

    :param problems: what is wrong with the settings; a rule stands in for them, so that the rest can be checked
    """

    rules: tuple[MappedRule, ...] = ()
    problems: tuple[Problem, ...] = field(default=())

    def extend(self, raw: RawDocument) -> RawDocument:
        """Return the document with these rules after its own; a document of another shape is returned as it is."""
        grants = raw.data.get("grants", {})
        own = grants.get("rules", []) if isinstance(grants, Mapping) else None
        if not isinstance(grants, Mapping) or not isinstance(own, list) or not self.rules:
            return raw
        extra = [{"name": rule.name, "when": dict(rule.when), "roles": list(rule.roles)} for rule in self.rules]
        elsewhere: dict[Path, tuple[str, str]] = {
            ("grants", "rules", len(own) + number): (rule.name, rule.where) for number, rule in enumerate(self.rules)
        }
        data = {**raw.data, "grants": {**grants, "rules": [*own, *extra]}}
        return replace(raw, data=data, elsewhere={**raw.elsewhere, **elsewhere})


def read_mapped_rules(config: WebserverConfig) -> MappedRules:
    """Read both settings; a wrong type is a problem, never a rule that is dropped silently."""
    problems: list[Problem] = []
    rules = [*_group_rules(config, problems), *_registration_rule(config, problems)]
    if problems and not rules:
        rules = [MappedRule(MAPPING, config.where(MAPPING), {"group": "-"}, ("-",))]
    return MappedRules(tuple(rules), tuple(problems))


def _group_rules(config: WebserverConfig, problems: list[Problem]) -> Iterator[MappedRule]:
    mapping = config.values.get(MAPPING)
    if mapping is None:
        return
    if not isinstance(mapping, Mapping):
        text = f"must be a dict from group to list of roles, not {type(mapping).__name__}"
        problems.append(config.problem(MAPPING, text, _EXAMPLE))
        return
    for path in config.lines.twice_below(MAPPING):
        text = "is written twice; Python keeps the last"
        problems.append(Problem(_place(str(path[0])), text, "keep one of them", _where(config, str(path[0]))))
    names: set[str] = set()
    for group, roles in mapping.items():
        place = _place(group) if isinstance(group, str) else MAPPING
        if text := _wrong(group, roles):
            problems.append(Problem(place, text, _EXAMPLE, _where(config, group)))
            continue
        name = place if place not in names else f"{place} ({len(names) + 1})"
        names.add(name)
        yield MappedRule(name, _where(config, group), {"group": group}, tuple(roles))


def _wrong(group: object, roles: object) -> str:
    if not isinstance(group, str):
        return f"has a group that is not text but {type(group).__name__}"
    if isinstance(roles, str):
        return "must be a list of roles, not text"
    if not isinstance(roles, list | tuple):
        return f"must be a list of roles, not {type(roles).__name__}"
    return "" if all(isinstance(role, str) for role in roles) else "holds a role that is not text"


def _registration_rule(config: WebserverConfig, problems: list[Problem]) -> Iterator[MappedRule]:
    role: Any = config.values.get(REGISTRATION_ROLE)
    if role is None:
        return
    if not isinstance(role, str) or not role.strip():
        text = "must be the name of one role" if isinstance(role, str) else f"must be text, not {type(role).__name__}"
        problems.append(config.problem(REGISTRATION_ROLE, text, f'write {REGISTRATION_ROLE} = "Viewer"'))
    elif config.values.get(REGISTRATION) is True:
        yield MappedRule(REGISTRATION_ROLE, config.where(REGISTRATION_ROLE), {"everyone": True}, (role,))


def _place(group: str) -> str:
    return f"{MAPPING}['{shorten(group)}']"


def _where(config: WebserverConfig, group: object) -> str:
    line = config.lines.by_path.get((MAPPING, group)) if isinstance(group, str) else None
    return f"{config.path}:{line}" if line else config.where(MAPPING)
