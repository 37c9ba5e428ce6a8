"""The configuration reference: ``python -m airflow_oidc_auth.config.reference > docs/reference/configuration.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_oidc_auth.config.json_schema import build_schema
from airflow_oidc_auth.config.known import vendor_keys, write_flow
from airflow_oidc_auth.grants.needs import readable
from airflow_oidc_auth.providers.presets import preset_names

Node = Mapping[str, Any]

_HEAD = """# Configuration reference

<!-- Generated from the schema: python -m airflow_oidc_auth.config.reference > docs/reference/configuration.md -->

`[oidc_auth] config_file` names one YAML document, version 1. The same schema is shipped as
`airflow_oidc_auth/config/schema.json` for editors. `airflow oidc check` lists everything that is wrong with a
document at once, with file, line and exact path.

What the YAML reader insists on: text is never made of numbers or of `yes` and `no` (put them in quotes), unknown and
duplicate keys are errors, a key without a value is an error, tags (`!…`) and merge keys (`<<`) are not supported.
Durations are written `45s`, `30m`, `12h` or `7d`; a plain number is seconds.

In [FAB mode](../tasks/fab-mode.md) the same keys may stand in a dict, `OIDC_AUTH` in `webserver_config.py`.
"""

_SINGLE = """
## One provider without a file

Set these options of the section `[oidc_auth]` in `airflow.cfg`, or as `AIRFLOW__OIDC_AUTH__…`, and no `config_file`:

| option | meaning |
|---|---|
| `preset` | as `providers.<id>.preset`; the preset's name is also the provider's id |
| `issuer` | as `providers.<id>.issuer` |
| `client_id` | as `providers.<id>.client_id` |
| `client_secret` | the secret itself; also as `client_secret_cmd` or `client_secret_secret` |
| `role_mapping` | JSON object from group to role or list of roles: `{"airflow-admins": "Admin", "data": ["User"]}` |
"""

_SECTIONS = (
    (
        "providers.&lt;id&gt;",
        "OidcProvider",
        "Keys of every provider, whatever its preset. The id is part of its URLs.",
    ),
    (
        "Secrets",
        "SecretReference",
        "`client_secret`, `private_key`, `secret` of a token client and `storage` of the rate limits hold exactly one "
        "of these keys.",
    ),
    ("providers.&lt;id&gt;.claims", "ClaimsModel", ""),
    ("providers.&lt;id&gt;.groups", "GroupsModel", "One such mapping, or a list of them."),
    ("providers.&lt;id&gt;.http", "HttpModel", ""),
    (
        "providers.&lt;id&gt; with SAML",
        "SamlModel",
        "Keys of a provider whose preset speaks SAML 2.0 (`pip install airflow-oidc-auth[saml]`).",
    ),
    ("providers.&lt;id&gt;.attributes (SAML)", "SamlAttributesModel", ""),
    ("providers.&lt;id&gt;.groups (SAML)", "SamlGroupsModel", "One such mapping, or a list of them."),
    (
        "providers.&lt;id&gt;.api",
        "ApiModel",
        "See [programs and the REST API](../tasks/machines.md).",
    ),
    ("providers.&lt;id&gt;.cli", "CliModel", ""),
    (
        "providers.&lt;id&gt; of a workload issuer",
        "WorkloadProvider",
        "Keys of an issuer of tokens for programs, with which nobody signs in: "
        "[workload identity](../tasks/workload-identity.md).",
    ),
    ("providers.&lt;id&gt; with preset jwt", "JwtProvider", "The same keys, and these."),
    ("grants", "GrantsModel", ""),
    ("grants.require[]", "RequirementModel", "All keys of a requirement must hold, and all requirements."),
    ("grants.rules[]", "RuleModel", "Every rule that is for somebody adds its roles."),
    ("grants.rules[].when", "WhenModel", "All keys must hold; of a list, one item is enough."),
    ("grants.rules[].needs", "NeedsModel", "What step-up means is on the page [roles](../roles.md#step-up)."),
    ("roles.&lt;name&gt;", "RoleModel", "The meaning of each right is on the page [roles](../roles.md)."),
    (
        "roles.&lt;name&gt;.allow[], roles.&lt;name&gt;.deny[]",
        "StatementModel",
        "The actions, exactly one of the other keys, and `parts` beside `dags`.",
    ),
    (
        "roles.&lt;name&gt;.allow[].dags",
        "DagsModel",
        "A list stands for `ids`. In patterns `*` is any text and `?` one character; letter case counts.",
    ),
    (
        "roles.&lt;name&gt;.allow[].connections",
        "NamesModel",
        "`variables` and `pools` hold the same. A list stands for `names`.",
    ),
    ("sessions", "SessionsModel", ""),
    ("tokens", "TokensModel", ""),
    ("tokens.clients.&lt;id&gt;", "TokenClientModel", ""),
    ("rate_limits", "RateLimitsModel", "Rates are a number and `second`, `minute`, `hour` or `day`: `30/minute`."),
    ("audit", "AuditModel", ""),
)


def build_reference() -> str:
    """Return the page."""
    schema = build_schema()
    parts = [_HEAD, "\n## Top level\n\n", _table(schema, schema)]
    for title, name, text in _SECTIONS:
        parts += [
            f"\n## {title}\n\n",
            f"{text}\n\n" if text else "",
            _table(schema, schema["$defs"][name], _SHARED.get(name, "")),
        ]
        if name == "OidcProvider":
            parts += ["\n### Keys of one preset only\n\n", *_vendor_table(schema)]
    return "".join([*parts, _SINGLE])


# Models that repeat the keys of another one, which has a section of its own.
_SHARED = {"JwtProvider": "WorkloadProvider"}


def _table(schema: Node, node: Node, told: str = "") -> str:
    required = set(node.get("required", ()))
    known = schema["$defs"][told]["properties"] if told else {}
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    new = {key: value for key, value in node["properties"].items() if key not in known or value != known[key]}
    lines += [_row(schema, key, value, key in required) for key, value in new.items()]
    return "\n".join(lines) + "\n"


def _vendor_table(schema: Node) -> Iterator[str]:
    yield "| preset | key | type | meaning |\n|---|---|---|---|\n"
    for key, preset in sorted(vendor_keys().items(), key=lambda item: item[::-1]):
        (model,) = (each for each in schema["$defs"].values() if _preset_of(each) == preset)
        value = model["properties"][key]
        yield f"| `{preset}` | `{key}` | {_type(schema, value)} | {_meaning(value)} |\n"


def _preset_of(node: Node) -> object:
    return node.get("properties", {}).get("preset", {}).get("const")


def _row(schema: Node, key: str, value: Node, required: bool) -> str:
    default = "**required**" if required else _default(schema, value)
    return f"| `{key}` | {_type(schema, value)} | {default} | {_meaning(value)} |"


def _default(schema: Node, value: Node) -> str:
    default = value.get("default")
    if default is None or default in ({}, [], ""):
        return ""
    duration = _type(schema, value).startswith("duration") and isinstance(default, int)
    return f"`{readable(default) if duration else write_flow(default)}`"


def _meaning(value: Node) -> str:
    examples = value.get("examples", ())
    example = f" Example: `{write_flow(examples[0])}`" if examples else ""
    return f"{value.get('description', '')}{example}".replace("|", "\\|")


def _type(schema: Node, value: Node) -> str:
    """Say a schema node in words; secrets and presets are named, other mappings have their own section."""
    if "$ref" in value:
        return "secret reference" if value["$ref"].endswith("SecretReference") else "mapping"
    if closed := [value["const"]] if "const" in value else value.get("enum", []):
        return ", ".join(f"`{write_flow(each)}`" for each in (preset_names() if closed == ["oidc"] else closed))
    if choices := value.get("anyOf", []):
        if choices[0].get("pattern", "").endswith("[smhd]?$"):  # text or number
            choices = [{"format": "duration"}, *choices[2:]]
        return " or ".join(dict.fromkeys(_type(schema, each) for each in choices))
    if value.get("type") == "array":
        return f"list of {_type(schema, value['items'])}"
    return _NAMES.get(str(value.get("format") or value.get("type", "")), "mapping")


_NAMES = {
    "string": "text",
    "uri": "URL",
    "duration": "duration",
    "integer": "number",
    "number": "number",
    "boolean": "`true`, `false`",
}


if __name__ == "__main__":
    sys.stdout.write(build_reference())
