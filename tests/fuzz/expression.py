"""CEL expressions over claims: ``expression⏎claims``. Compiled or refused, evaluated within bounds, never half true."""

from __future__ import annotations

from airflow_oidc_auth.grants.cel import VARIABLES, compile_cel
from airflow_oidc_auth.providers.strict_json import load_json

WORDS = (
    *(f"{name}." for name in VARIABLES),
    *("claims", "groups", "has(", ".all(g, ", ".exists(g, ", ".filter(g, ", ".map(g, ", ".exists_one(g, ", ".matches("),
    *(" in ", " && ", " || ", " == ", " ? ", " : ", "size(", "string(", "int(", "timestamp(", "duration(", "type("),
    *('r"', "b'", "'''", '"""', "//", "[", "{", "9223372036854775807", "1e309", "-", "!", "true", "null", "\\u0000"),
)
_DEFAULTS: dict[str, object] = {
    "claims": {"level": 3, "list": ["a"]},
    "groups": ["dev", "ops"],
    "email": "ada@example.com",
    "email_verified": True,
    "provider": "okta",
    "issuer": "https://idp.example",
    "subject": "sub-1",
    "delegated": False,
    "actors": [],
    "client_id": "",
}


def run(data: bytes) -> None:
    """Compile and evaluate."""
    source, _, claims = data.decode("utf-8", "replace").rpartition("\n")
    try:
        document = load_json(claims) if claims else {}
    except ValueError:
        document = {}
    try:
        expression = compile_cel(source or claims)
    except ValueError as refused:
        str(refused).encode()
        return
    outcome = expression.evaluate({**_DEFAULTS, "claims": document})
    assert outcome.granted is (outcome.why == "it is true")
    assert outcome == expression.evaluate({**_DEFAULTS, "claims": document})
