"""The document: YAML that people, templates and careless editors write."""

from __future__ import annotations

from unittest.mock import patch

from airflow_oidc_auth.config import strict_yaml
from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.digest import document_digest
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.config.known import schema
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.errors import ConfigurationError
from tests.fuzz.believed import ROLES

LARGEST = 8192
_KEYS = {key for each in schema()["$defs"].values() for key in each.get("properties", ())} | set(schema()["properties"])
_SECRET = "correct-horse-battery-staple-9a2f"
_SECRETS = SecretResolver(environ={"SECRET": _SECRET, "EMPTY": " "})
_PRESETS = ("oidc", "okta", "entra", "github", "saml", "keycloak", "google", "jwt", "cognito", "auth0", "gitlab")
WORDS = (
    *sorted(f"{key}:" for key in _KEYS),
    *(f"preset: {preset}" for preset in _PRESETS),
    *(
        "version: 1",
        "{env: SECRET}",
        "https://idp.example.com",
        "- ",
        "*",
        "&a",
        "*a",
        "<<:",
        "|\n",
        ">-\n",
        "!!python/",
    ),
    *(
        "12h",
        "30d",
        "Admin",
        "Viewer",
        "true",
        "false",
        "null",
        "~",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "\n  ",
        "? ",
        "%YAML",
    ),
)


def run(data: bytes) -> None:
    """Compile the document; whatever it says, the secret that it may refer to is in no message."""
    text = data.decode("utf-8", "replace")
    # Aliases that expand to 50,000 values are refused as those of 2,000 are, and take half a second here.
    with patch.object(strict_yaml, "MAX_VALUES", 2_000):
        seen = _compiled(text)
    seen.encode()
    assert _SECRET not in seen


def _compiled(text: str) -> str:
    """Return all that anybody could see of it."""
    try:
        raw = load_document(text, "f.yaml")
        compiled = compile_document(raw, secrets=_SECRETS, known_roles=sorted(ROLES))
    except ConfigurationError as error:
        refused = error
    else:
        assert compiled.providers, "a configuration without a provider"
        assert compiled.grants.rules, "a configuration that lets nobody in, or everybody"
        assert compiled.digest == document_digest(load_document(text, "f.yaml"))
        return repr(compiled)
    assert refused.problems
    assert all(each.path and each.text for each in refused.problems)
    return "\n".join([str(refused), repr(refused), repr(refused.problems), repr(refused.evidence)])
