"""What the descriptions of several routes share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Document = dict[str, Any]

FORM = "application/x-www-form-urlencoded"
TEXT: Document = {"type": "string"}

_REFUSAL_TEXTS = {
    "error": "Stable code; the error reference lists them.",
    "title": "A few words.",
    "detail": "What happened.",
    "hint": "What to do next.",
    "correlation_id": "Names this answer in the audit and in the log.",
}

SCHEMAS: Document = {
    "Refusal": {
        "type": "object",
        "description": "Why a page could not be shown.",
        "required": list(_REFUSAL_TEXTS),
        "properties": {name: {"type": "string", "description": text} for name, text in _REFUSAL_TEXTS.items()},
    },
    "OAuthError": {
        "type": "object",
        "description": "An OAuth error (RFC 6749, 5.2), and our own stable code.",
        "required": ["error", "error_description", "code", "correlation_id"],
        "properties": {
            "error": {
                "type": "string",
                "enum": [
                    *("invalid_request", "invalid_client", "invalid_grant", "invalid_scope", "invalid_target"),
                    *("invalid_dpop_proof", "unsupported_grant_type", "temporarily_unavailable"),
                ],
            },
            "error_description": {"type": "string", "pattern": r"^[\x20-\x21\x23-\x5b\x5d-\x7e]*$"},
            "code": {"type": "string", "description": "Stable code; the error reference lists them."},
            "correlation_id": {"type": "string", "description": "Names this answer in the audit and in the log."},
        },
    },
}

SECURITY_SCHEMES: Document = {
    "session": {"type": "apiKey", "in": "cookie", "name": "_token", "description": "Set by a sign-in."},
    "client": {"type": "http", "scheme": "basic", "description": "Id and secret of an entry of `tokens.clients`."},
}

_REFUSALS = {
    400: "The request cannot be read, or contradicts itself.",
    401: "Nobody is signed in, or the request brings credentials that cannot be read.",
    403: "Known, and not allowed.",
    404: "There is no such thing.",
    409: "The account here belongs to another identity.",
    429: "Too many tries from this address; `Retry-After` says when to come again.",
    500: "A mistake of this server.",
    502: "The identity provider answered something that cannot be used.",
    503: "Not possible at the moment; `Retry-After` may say when to come again.",
    504: "The identity provider did not answer in time.",
}
RETRY_AFTER: Document = {
    "Retry-After": {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
}
# Whoever calls may send two Authorization headers, and any server may be cut off from its database.
ALWAYS = (400, 401, 500, 503)
LIMITED = (429,)
WITH_PROVIDER = (403, 404, 502, 504)


def ref(name: str) -> Document:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def refusals(statuses: Iterable[int]) -> Document:
    """Return how a page is refused, by status."""
    return {str(status): _refusal(status) for status in sorted(statuses)}


def _refusal(status: int) -> Document:
    content = {"text/html": {"schema": TEXT}, "application/json": {"schema": ref("Refusal")}}
    headers = RETRY_AFTER if status in (429, 503) else {}
    return {"description": _REFUSALS[status], "content": content, **({"headers": headers} if headers else {})}


def page(text: str) -> Document:
    """Return an answer that is a page."""
    return {"description": text, "content": {"text/html": {"schema": TEXT}}}


def redirect(text: str) -> Document:
    """Return an answer that sends the browser on."""
    location = {"description": "Where to.", "required": True, "schema": TEXT}
    return {"description": text, "headers": {"Location": location}}


def query(name: str, text: str, **schema: object) -> Document:
    """Return a query parameter, which may be left out."""
    return {"name": name, "in": "query", "description": text, "required": False, "schema": {**TEXT, **schema}}


def form(fields: Mapping[str, Document], required: Iterable[str] = ()) -> Document:
    """Return a form body; what is not named is not looked at."""
    schema = {"type": "object", "required": list(required), "properties": dict(fields)}
    return {"required": True, "content": {FORM: {"schema": schema}}}


PROVIDER: Document = {
    "name": "provider",
    "in": "path",
    "required": True,
    "description": "Id of the provider in the configuration.",
    "schema": {**TEXT, "pattern": "^[^/]+$"},
}
