"""What happens with an identity that is believed: rules judge it, and it is kept. Nothing of that may fail either."""

from __future__ import annotations

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.rules import compile_rules
from airflow_oidc_auth.grants.settings import RuleSettings
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.sessions.identity_document import dump_identity, parse_identity

ROLES = frozenset({"Admin", "Op", "User", "Viewer", "Public"})
_WHENS: tuple[dict[str, object], ...] = (
    {"group": "data"},
    {"group_glob": "team-*"},
    {"group_regex": "(?P<team>[a-z]+)-ops"},
    {"claims": {"department": ["finance", {"glob": "fin-*"}], "realm_access.roles": "x"}},
    {"cel": "has(claims.level) && claims.level >= 3"},
    {"cel": "groups.exists(g, g.startsWith('o')) || claims.list.exists(item, item == 'a')"},
    {"delegated": True, "group": "ops"},
)
RULES = compile_rules(
    [RuleSettings(f"rule {n}", f"grants.rules[{n}]", when, ("Viewer",)) for n, when in enumerate(_WHENS)],
    known_roles=ROLES,
)
# A thread of the server is deeper in its calls than a test is.
_DEEPER = 80


def follow(identity: Identity) -> None:
    """Do with it what a sign-in does."""
    assert all(isinstance(group, str) and group.strip() for group in identity.groups)
    assert identity.subject
    _deeper(identity, _DEEPER)


def _deeper(identity: Identity, calls: int) -> None:
    if calls:
        _deeper(identity, calls - 1)
        return
    decision = RULES.evaluate(identity, 0.0).decision
    if isinstance(decision, Grant):
        assert ROLES.issuperset(decision.roles)
    kept = parse_identity(dump_identity(identity), identity.provider, identity.issuer, identity.subject)
    if kept is not None and not identity.delegated:
        assert kept.groups == identity.groups
        assert RULES.evaluate(kept, 0.0).decision == decision
