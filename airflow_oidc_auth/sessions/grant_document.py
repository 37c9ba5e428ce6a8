"""A Grant as JSON, checked against its digest when it comes back."""

from __future__ import annotations

import hmac
import json
from typing import Any

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, RuleMatch


def dump_grant(grant: Grant) -> str:
    """Return the Grant as ASCII JSON."""
    matches = [
        {"rule": m.rule, "path": m.path, "roles": m.roles, "teams": m.teams, "because": m.because}
        for m in grant.matches
    ]
    return json.dumps({"roles": grant.roles, "teams": grant.teams, "matches": matches}, separators=(",", ":"))


def parse_grant(text: str, digest: str) -> Grant:
    """Return the stored Grant.

    :raises ValueError: malformed, without roles, or its roles and teams are not those of the digest
    """
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("the stored grant is no object")  # noqa: TRY004  # bad data, no bad call
    grant = Grant(
        roles=_strings(document.get("roles")),
        teams=_strings(document.get("teams")),
        matches=tuple(map(_parse_match, _items(document.get("matches")))),
    )
    if not grant.roles:
        raise ValueError("the stored grant has no roles")
    if not hmac.compare_digest(grant_digest(grant).encode(), digest.encode()):
        raise ValueError("the stored grant does not match its digest")
    return grant


def dump_roles(roles: tuple[str, ...]) -> str:
    """Return role names as ASCII JSON."""
    return json.dumps(roles)


def parse_roles(text: str) -> tuple[str, ...]:
    """Return role names.

    :raises ValueError: malformed
    """
    return _strings(json.loads(text))


def _parse_match(item: Any) -> RuleMatch:
    if not isinstance(item, dict) or not isinstance(item.get("rule"), str) or not isinstance(item.get("path"), str):
        raise ValueError("the stored grant has a malformed match")  # noqa: TRY004  # bad data, no bad call
    return RuleMatch(
        rule=item["rule"],
        path=item["path"],
        roles=_strings(item.get("roles")),
        teams=_strings(item.get("teams")),
        because=_strings(item.get("because")),
    )


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("the stored document has no list where one belongs")  # noqa: TRY004  # bad data, no bad call
    return value


def _strings(value: Any) -> tuple[str, ...]:
    items = _items(value)
    if not all(isinstance(item, str) for item in items):
        raise ValueError("the stored document holds something that is no string")
    return tuple(items)
