"""Identities for the tests of this folder."""

from __future__ import annotations

from typing import Any

from airflow_oidc_auth.grants.rules import GrantRules, compile_rules
from airflow_oidc_auth.grants.settings import RequirementSettings, RuleSettings
from airflow_oidc_auth.identity import Identity

ROLES = ("Admin", "Op", "User", "Viewer", "Public")


def person(*groups: str, email: Any = "ada@example.com", verified: Any = True, **claims: object) -> Identity:
    return Identity(
        provider="okta",
        issuer="https://idp.example",
        subject="sub-1",
        name="Ada",
        email=email,
        email_verified=verified,
        groups=frozenset(groups),
        claims=claims,
    )


def rule(
    when: dict[str, object],
    *roles: str,
    n: int = 0,
    teams: tuple[str, ...] = (),
    provider: str | None = None,
) -> RuleSettings:
    return RuleSettings(f"rule {n + 1}", f"grants.rules[{n}]", when, roles or ("Viewer",), teams, provider)


def compiled(
    *whens: dict[str, object], require: tuple[dict[str, object], ...] = (), roles: tuple[str, ...] = ("Viewer",)
) -> GrantRules:
    rules = [rule(when, *roles, n=n) for n, when in enumerate(whens)]
    requirements = [RequirementSettings(f"grants.require[{n}]", checks) for n, checks in enumerate(require)]
    return compile_rules(rules, requirements, known_roles=ROLES)
