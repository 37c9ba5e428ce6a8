"""Roles that rules give and FAB does not have."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from airflow_oidc_auth.config.paths import did_you_mean
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.grants.template import placeholders


def missing_roles(rules: GrantRules, existing: Collection[str]) -> list[Problem]:
    """Return a problem for each role that a rule names and FAB does not have; letter case counts.

    A template (``{team}``) becomes a name only at a sign-in, so it is not asked about.
    """
    missing: dict[str, list[str]] = {}
    for rule in rules.rules:
        for role in rule.settings.roles:
            if role not in existing and not placeholders(role):
                missing.setdefault(role, []).append(rule.settings.path)
    return [_problem(role, paths, existing) for role, paths in missing.items()]


def _problem(role: str, paths: Iterable[str], existing: Collection[str]) -> Problem:
    first, *others = dict.fromkeys(paths)
    also = f" (also in {', '.join(others)})" if others else ""
    meant = did_you_mean(role, existing)
    create = f"create it on FAB's Roles page or with `airflow roles create {role!r}`"
    text = f"FAB has no role {role!r}{also}: nobody gets it"
    return Problem(first, text, f"{meant} Or {create}" if meant else create)
