from __future__ import annotations

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.errors import ConfigurationError, Problem

ROLES = ("Admin", "Op", "User", "Viewer", "Public")
SECRET = "correct-horse-battery-staple"


def compile_text(text: str, *, offline: bool = False) -> CompiledConfig:
    secrets = None if offline else SecretResolver(environ={"SECRET": SECRET, "EMPTY": " "})
    return compile_document(load_document(text, "f.yaml"), secrets=secrets, known_roles=ROLES)


def problems_in(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        compile_text(text)
    assert caught.value.code == "configuration_invalid"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.problems


def document(
    *, provider: str = "", grants: str = "rules: [{when: {group: admins}, roles: [Admin]}]", top: str = ""
) -> str:
    """Return a document that is valid until a part of it is replaced."""
    lines = {
        "preset": "preset: oidc",
        "issuer": "issuer: https://idp.example.com",
        "client_id": "client_id: airflow",
        "client_secret": "client_secret: {env: SECRET}",
    }
    for line in filter(None, provider.split("\n")):
        key = line.partition(":")[0]
        lines.pop(key.removeprefix("-"), None)
        if not key.startswith("-"):
            lines[key] = line
    body = "\n".join(f"    {line}" for line in lines.values())
    return f"version: 1\nproviders:\n  idp:\n{body}\ngrants: {{{grants}}}\n{top}\n"
