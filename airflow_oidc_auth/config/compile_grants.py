"""The rules: what has to fit together, then the rules' own compiler."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_oidc_auth.config.compile_needs import build_needs
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path, did_you_mean, one_of, parse_path
from airflow_oidc_auth.config.reading import Parts
from airflow_oidc_auth.config.schema.grants import RequirementModel, RuleModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.rules import GrantRules, compile_rules
from airflow_oidc_auth.grants.settings import RequirementSettings, RuleError, RuleSettings


def compile_grants(
    raw: RawDocument, parts: Parts, known_roles: Collection[str] | None, found: list[Problem]
) -> GrantRules | None:
    """Return the compiled rules, or None after adding at least one problem.

    :param known_roles: None where FAB's database knows them
    """
    before = len(found)
    found += _duplicate_names(raw, parts)
    for path, rule in _mappings(raw, "rules"):
        found += _unknown_roles(raw, path, rule.get("roles"), known_roles)
        found += _unknown_provider(raw, path, rule.get("provider"), parts.provider_ids)
    found += _unknown_delegated_roles(raw, known_roles)
    for path, requirement in _mappings(raw, "require"):
        found += _unknown_provider(raw, path, requirement.get("provider"), parts.provider_ids)
    rules = [_rule(raw, index, rule) for index, rule in parts.rules.items()]
    require = [_requirement(raw, index, each) for index, each in parts.requirements.items()]
    try:
        compiled = (
            compile_rules(
                rules,
                require,
                known_roles=known_roles,
                workloads=parts.workloads,
                delegated_roles=parts.delegated_roles,
            )
            if rules
            else None
        )
    except RuleError as error:
        told = {each.path for each in found}
        found += [placed for each in error.problems if (placed := raw.place(each)).path not in told]
        return None
    return _as_named(raw, compiled) if compiled and len(found) == before else None


def _as_named(raw: RawDocument, compiled: GrantRules) -> GrantRules:
    """Let reasons name the place as its author knows it; until here the path had to find the line."""
    rules = (
        replace(rule, settings=replace(rule.settings, path=raw.problem(parse_path(rule.settings.path), "").path))
        for rule in compiled.rules
    )
    return replace(compiled, rules=tuple(rules))


def rule_name(index: int, rule: RuleModel) -> str:
    """Return the name that people see; counted from 1, as people do."""
    return rule.name or f"rule {index + 1}"


def _rule(raw: RawDocument, index: int, rule: RuleModel) -> RuleSettings:
    written = _written(raw, "rules", index)
    return RuleSettings(
        name=rule_name(index, rule),
        path=f"grants.rules[{index}]",
        when=written["when"],
        roles=tuple(rule.roles),
        teams=tuple(rule.teams or ()),
        provider=rule.provider,
        needs=build_needs(rule.needs),
    )


def _requirement(raw: RawDocument, index: int, requirement: RequirementModel) -> RequirementSettings:
    written = _written(raw, "require", index)
    checks = {key: value for key, value in written.items() if key not in ("message", "provider")}
    return RequirementSettings(f"grants.require[{index}]", checks, requirement.message or "", requirement.provider)


def _written(raw: RawDocument, section: str, index: int) -> dict[str, Any]:
    data: Any = raw.data
    written: dict[str, Any] = data["grants"][section][index]
    return written


def _mappings(raw: RawDocument, section: str) -> Iterator[tuple[Path, Mapping[str, object]]]:
    """Yield what was written, also what is not valid: one mistake in a rule must not hide another."""
    grants = raw.data.get("grants")
    items = grants.get(section) if isinstance(grants, Mapping) else None
    for index, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, Mapping):
            yield ("grants", section, index), item


def _unknown_roles(raw: RawDocument, path: Path, roles: object, known: Collection[str] | None) -> Iterator[Problem]:
    if known is None:
        return
    for index, role in enumerate(roles if isinstance(roles, list) else []):
        if isinstance(role, str) and role and role not in known and "{" not in role:
            yield raw.problem(
                (*path, "roles", index), "is not a known role", did_you_mean(role, known) or one_of(known)
            )


def _unknown_delegated_roles(raw: RawDocument, known: Collection[str] | None) -> Iterator[Problem]:
    grants = raw.data.get("grants")
    roles = grants.get("delegated_roles") if isinstance(grants, Mapping) else None
    for index, role in enumerate(roles if known is not None and isinstance(roles, list) else []):
        if isinstance(role, str) and role and known is not None and role not in known:
            path = ("grants", "delegated_roles", index)
            yield raw.problem(path, "is not a known role", did_you_mean(role, known) or one_of(known))


def _unknown_provider(raw: RawDocument, path: Path, provider: object, known: Sequence[str]) -> Iterator[Problem]:
    if isinstance(provider, str) and provider and provider not in known:
        text, suggestion = "is not a configured provider", did_you_mean(provider, known) or one_of(known)
        yield raw.problem((*path, "provider"), text, suggestion if known else "")


def _duplicate_names(raw: RawDocument, parts: Parts) -> Iterator[Problem]:
    """Names are how audit rows say which rule it was."""
    first: dict[str, int] = {}
    for index, rule in parts.rules.items():
        name = rule_name(index, rule)
        if name in first:
            text = f"is also the name of grants.rules[{first[name]}]"
            yield raw.problem(("grants", "rules", index, "name"), text, "give each rule its own name")
        first.setdefault(name, index)
