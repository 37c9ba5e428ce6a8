"""Keys of the other auth manager: they would do nothing, or more than their author believes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.errors import Problem

_TO_NATIVE = "remove it, or use airflow_oidc_auth.OidcAuthManager"
_ONLY_NATIVE = {
    "dag_access_control": "does not exist in FAB mode, where access_control always counts",
    "hitl_by_verified_email": "does not exist in FAB mode",
}


def check_mode(raw: RawDocument, *, fab: bool) -> Iterator[Problem]:
    """Yield the keys that do not belong to this mode."""
    grants = raw.data.get("grants")
    yield from _only_native(raw, grants if isinstance(grants, Mapping) else {}) if fab else ()
    if not fab and isinstance(grants, Mapping) and grants.get("keep_assigned_roles"):
        yield raw.problem(
            ("grants", "keep_assigned_roles"),
            "exists only in FAB mode: here nobody can assign a role by hand",
            "remove it, or use airflow_oidc_auth.OidcFabAuthManager",
        )


def _only_native(raw: RawDocument, grants: Mapping[str, object]) -> Iterator[Problem]:
    if raw.data.get("roles"):
        yield raw.problem(
            ("roles",),
            "does not exist in FAB mode, where roles are FAB's",
            "define them on FAB's Roles page or with `airflow roles`, or use airflow_oidc_auth.OidcAuthManager",
        )
    for key, reason in _ONLY_NATIVE.items():
        if grants.get(key):
            yield raw.problem(("grants", key), reason, _TO_NATIVE)
    rules = grants.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        if isinstance(rule, Mapping) and rule.get("teams"):
            # FAB would give the roles everywhere.
            text = "does not exist in FAB mode, where roles know no teams"
            yield raw.problem(("grants", "rules", index, "teams"), text, _TO_NATIVE)
