"""One provider without a file: the options of ``[oidc_auth]`` as a document.

The options become the same document that a file would hold, so that every check is written once; only the
names of the places differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_oidc_auth.config.document import VERSION, RawDocument
from airflow_oidc_auth.config.paths import Path, shorten
from airflow_oidc_auth.config.schema.base import kind_of
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.secret import Secret

SECTION = "oidc_auth"
SECRET_VARIABLE = "AIRFLOW__OIDC_AUTH__CLIENT_SECRET"
SINGLE_OPTIONS = ("preset", "issuer", "client_id", "client_secret", "role_mapping")
_MAX_MAPPING = 64 * 1024
_EXAMPLE = 'write it as {"group": "Viewer", "admins": ["Admin"]}'
_PROVIDER_ID = re.compile(r"[a-z][a-z0-9-]{0,31}")


def document_from_options(
    *,
    preset: str | None,
    issuer: str | None,
    client_id: str | None,
    client_secret: Secret | None,
    role_mapping: str | None,
    rules_elsewhere: bool = False,
) -> RawDocument:
    """Make a document of the five options.

    :param role_mapping: JSON object group → role or list of roles
    :param rules_elsewhere: ``webserver_config.py`` has rules, too, so that there may be no mapping
    :raises ConfigurationError: the mapping is not such an object, or nothing is configured at all
    """
    if not any((preset, issuer, client_id, client_secret, role_mapping)):
        suggestion = f"set config_file, or {', '.join(SINGLE_OPTIONS)}"
        raise ConfigurationError([_problem("config_file", "nothing is configured", suggestion)])
    provider_id = preset if preset and _PROVIDER_ID.fullmatch(preset) else "oidc"
    base: Path = ("providers", provider_id)
    provider = {"preset": preset, "issuer": issuer, "client_id": client_id}
    data: dict[str, Any] = {
        "version": VERSION,
        "providers": {provider_id: {key: value for key, value in provider.items() if value}},
    }
    data["providers"][provider_id]["client_secret"] = {"env": SECRET_VARIABLE}
    complaints: list[Problem] = []
    rules, names = _rules(role_mapping, complaints) if role_mapping or not rules_elsewhere else ([], {})
    data["grants"] = {"rules": rules}
    names |= {(*base, option): f"[{SECTION}] {option}" for option in SINGLE_OPTIONS[:4]}
    names |= {base: f"[{SECTION}]", ("grants",): f"[{SECTION}] role_mapping"}
    given = {} if client_secret is None else {(*base, "client_secret"): client_secret}
    return RawDocument("airflow.cfg", data, names=names, given_secrets=given, complaints=tuple(complaints))


def _rules(role_mapping: str | None, complaints: list[Problem]) -> tuple[list[Any], dict[Path, str]]:
    """Return one rule per group; complaints keep the document from being compiled."""
    rules: list[Any] = []
    names: dict[Path, str] = {}
    mapping = _mapping(role_mapping)
    if isinstance(mapping, Problem):
        complaints.append(mapping)
        return _NO_RULES, names
    seen: set[str] = set()
    for group, roles in mapping:
        place = _place(group)
        if group in seen:
            complaints.append(_problem(place, "is given twice", "keep one of them"))
        elif isinstance(roles, _Pairs) or not isinstance(roles, str | list):
            text = (
                f"must be a role or a list of roles, not {'a mapping' if isinstance(roles, _Pairs) else kind_of(roles)}"
            )
            complaints.append(_problem(place, text, _EXAMPLE))
        else:
            names[("grants", "rules", len(rules))] = f"[{SECTION}] {place}"
            given = [roles] if isinstance(roles, str) else roles
            rules.append({"name": _rule_name(group, rules), "when": {"group": group}, "roles": given})
        seen.add(group)
    return rules or _NO_RULES, names


def _rule_name(group: str, rules: Sequence[Mapping[str, object]]) -> str:
    """Name a rule after its group, for audit rows and my access; groups that only differ far out get a number."""
    name = f"role_mapping: {shorten(group.strip()) or '(empty)'}"
    return f"{name} ({len(rules) + 1})" if any(rule["name"] == name for rule in rules) else name


def _place(group: str) -> str:
    return f'role_mapping["{shorten(group)}"]'


def _mapping(role_mapping: str | None) -> list[tuple[str, object]] | Problem:
    """Return the pairs as written, duplicates included, or what is wrong."""
    if not role_mapping:
        return _problem("role_mapping", "is missing, so nobody could sign in", _EXAMPLE)
    if len(role_mapping) > _MAX_MAPPING:
        return _problem("role_mapping", f"is larger than {_MAX_MAPPING // 1024} KiB", "use config_file")
    mapping = _parse_json(role_mapping)
    if isinstance(mapping, _Pairs):
        return mapping or _problem("role_mapping", "is empty, so nobody could sign in", _EXAMPLE)
    if isinstance(mapping, Problem):
        return mapping
    return _problem("role_mapping", f"must be a JSON object, not {kind_of(mapping)}", _EXAMPLE)


class _Pairs(list[tuple[str, object]]):
    """A JSON object with its duplicates."""


def _parse_json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return _problem("role_mapping", f"is not valid JSON ({place})", _EXAMPLE)
    except (ValueError, RecursionError):
        return _problem("role_mapping", "is not valid JSON", _EXAMPLE)


# Stands in for rules that are already complained about, so that the rest of the document is still checked.
_NO_RULES: list[Any] = [{"when": {"group": "-"}, "roles": ["Public"]}]


def both_configured(options: Sequence[str]) -> list[Problem]:
    """Return a problem for each single option that is set beside ``config_file``: neither may win silently."""
    text = "is set although config_file is set"
    return [_problem(option, text, "move it into the document, or remove config_file") for option in options]


def _problem(option: str, text: str, suggestion: str) -> Problem:
    return Problem(f"[{SECTION}] {option}", text, suggestion)
