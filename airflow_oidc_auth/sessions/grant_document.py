"""A Grant as JSON, checked against its digest when it comes back."""

from __future__ import annotations

import hmac
import json
from typing import Any

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, RuleMatch, StepUp, first_end
from airflow_oidc_auth.grants.needs import Needs


def dump_grant(grant: Grant) -> str:
    """Return the Grant as ASCII JSON."""
    document: dict[str, Any] = {
        "roles": grant.roles,
        "teams": grant.teams,
        "matches": list(map(_dump_match, grant.matches)),
    }
    if grant.step_ups:
        document["step_ups"] = list(map(_dump_step_up, grant.step_ups))
    if grant.withdrawn:
        document["withdrawn"] = list(map(_dump_match, grant.withdrawn))
    if grant.verified_email is not None:
        document["verified_email"] = grant.verified_email
    return json.dumps(document, separators=(",", ":"))


def parse_grant(text: str, digest: str) -> Grant:
    """Return the stored Grant.

    :raises ValueError: malformed, without roles, or its roles and teams are not those of the digest
    """
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("the stored grant is no object")  # noqa: TRY004  # bad data, no bad call
    matches = tuple(map(_parse_match, _items(document.get("matches"))))
    grant = Grant(
        roles=_strings(document.get("roles")),
        teams=_strings(document.get("teams")),
        matches=matches,
        step_ups=tuple(map(_parse_step_up, _items(document.get("step_ups", [])))),
        until=first_end(matches),
        withdrawn=tuple(map(_parse_match, _items(document.get("withdrawn", [])))),
        verified_email=_text(document.get("verified_email")),
    )
    if not grant.roles:
        raise ValueError("the stored grant has no roles")
    if not hmac.compare_digest(grant_digest(grant).encode(), digest.encode()):
        raise ValueError("the stored grant does not match its digest")
    return grant


def _dump_match(match: RuleMatch) -> dict[str, Any]:
    # What older documents do not have is written only where it says something.
    ends = {} if match.until is None else {"until": match.until}
    needs = {} if match.needs is None else {"needs": _dump_needs(match.needs)}
    told = {"rule": match.rule, "path": match.path, "roles": match.roles, "teams": match.teams}
    return {**told, "because": match.because, **needs, **ends}


def _dump_step_up(each: StepUp) -> dict[str, Any]:
    told = {"rule": each.rule, "path": each.path, "roles": each.roles, "teams": each.teams, "because": []}
    return {**told, "needs": _dump_needs(each.needs), "missed": each.missed}


def _dump_needs(needs: Needs) -> dict[str, Any]:
    within = {} if needs.within is None else {"within": needs.within}
    return {"acr": needs.acr, "amr": needs.amr, **within}


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
        needs=_parse_needs(item["needs"]) if "needs" in item else None,
        until=_seconds(item.get("until")),
    )


def _parse_step_up(item: Any) -> StepUp:
    match = _parse_match(item)
    needs = match.needs or Needs()
    return StepUp(match.rule, match.path, match.roles, needs, _strings(item.get("missed")), match.teams)


def _parse_needs(item: Any) -> Needs:
    if not isinstance(item, dict):
        raise ValueError("the stored grant has malformed needs")  # noqa: TRY004  # bad data, no bad call
    return Needs(_strings(item.get("acr", [])), _strings(item.get("amr", [])), _seconds(item.get("within")))


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("the stored grant has a text that is none")
    return value


def _seconds(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise ValueError("the stored grant has a time that is no number")
    return value


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("the stored document has no list where one belongs")  # noqa: TRY004  # bad data, no bad call
    return value


def _strings(value: Any) -> tuple[str, ...]:
    items = _items(value)
    if not all(isinstance(item, str) for item in items):
        raise ValueError("the stored document holds something that is no string")
    return tuple(items)
