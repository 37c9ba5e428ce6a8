"""Rules over claims: ``when⏎claims``, both JSON. Whatever both say, the answer is a Grant or a refusal."""

from __future__ import annotations

import json

from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.rules import compile_rules
from airflow_oidc_auth.grants.settings import RequirementSettings, RuleSettings
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.claims import GroupFormat, parse_claim_path
from airflow_oidc_auth.identity.groups import normalize_groups
from airflow_oidc_auth.providers.strict_json import load_json
from tests.fuzz.believed import ROLES

WORDS = (
    *('"group":', '"group_glob":', '"group_regex":', '"claims":', '"cel":', '"everyone":', '"delegated":', '"roles":'),
    *('"require":', '"email_domain":', '"email_verified":', '"acr":', '"amr":', '{"glob":', "(?P<team>", "{team}", "*"),
    *("has(claims.a)", "groups.exists(g, ", "claims.", "a.b.c", "/a~1b", "https://x/roles", "[a-z]+", "(a|a)*", "\n{"),
    *('"email":', '"groups":', "true", "null", "[", "{", '"Viewer"', '"Admin"', "1e308", "\\u0000", "\\ud800"),
)


def run(data: bytes) -> None:
    """Compile the one and judge the other."""
    first, _, second = data.partition(b"\n")
    written, claims = _object(first), _object(second)
    if written is None or claims is None:
        return
    identity = _identity(claims)
    roles = tuple(role for role in _list(written.pop("roles", ["Viewer"])) if isinstance(role, str))
    required = written.pop("require", None)
    requirements = [RequirementSettings("grants.require[0]", required)] if isinstance(required, dict) else []
    rule = RuleSettings("rule", "grants.rules[0]", written, roles or ("Viewer",))
    try:
        rules = compile_rules([rule], requirements, known_roles=ROLES)
    except ConfigurationError:
        return
    outcome = rules.evaluate(identity, 1.0)
    assert outcome == rules.evaluate(identity, 1.0)
    json.dumps([each.because for each in outcome.trace])
    rules.claims_read()
    if isinstance(outcome.decision, Grant):
        assert outcome.decision.roles
        assert ROLES.issuperset(outcome.decision.roles), "a role that there is not"


def _identity(claims: dict[str, object]) -> Identity:
    groups = normalize_groups(claims.get("groups"), GroupFormat.SPACE, "x-").groups
    assert all(isinstance(group, str) and group.strip() for group in groups)
    for name in claims:
        _find(name, claims)
    email = claims.get("email")
    return Identity(
        provider="okta",
        issuer="https://idp.example",
        subject="sub-1",
        name="Ada",
        email=email if isinstance(email, str) else None,
        email_verified=claims.get("email_verified") is True,
        groups=groups,
        claims=claims,
    )


def _find(name: object, claims: dict[str, object]) -> None:
    try:
        path = parse_claim_path(name)
    except ValueError:
        return
    path.find(claims)
    assert parse_claim_path(str(path)) == path


def _object(text: bytes) -> dict[str, object] | None:
    try:
        found = load_json(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
