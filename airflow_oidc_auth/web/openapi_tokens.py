"""The routes of programs, described."""

from __future__ import annotations

from airflow_oidc_auth.login.token_form import (
    ACCESS_TOKEN_TYPE,
    CLIENT_CREDENTIALS,
    ID_TOKEN_TYPE,
    JWT_BEARER,
    MAX_LABEL,
    PASSWORD,
    TOKEN_EXCHANGE,
    TOKEN_TYPES,
)
from airflow_oidc_auth.login.token_grants import TOKEN_USER
from airflow_oidc_auth.login.token_subject import MAX_TOKEN
from airflow_oidc_auth.providers.client_auth import ASSERTION_TYPE
from airflow_oidc_auth.web.openapi_parts import FORM, RETRY_AFTER, TEXT, Document, ref, refusals

_TOKEN: Document = {**TEXT, "minLength": 1, "maxLength": MAX_TOKEN}
_CLIENT: Document = {
    "client_id": {**TEXT, "description": "Only together with a proof."},
    "client_secret": {**TEXT, "description": "Not together with an Authorization header."},
    "client_assertion_type": {**TEXT, "const": ASSERTION_TYPE},
    "client_assertion": {**TEXT, "description": "A JWT of the client (RFC 7523, 2.2), good once."},
}
_WISHES: Document = {
    "scope": {**TEXT, "description": "Roles to narrow the token to; a space in a name is written %20."},
    "expires_in": {**TEXT, "pattern": "^[1-9][0-9]{0,9}$", "description": "Lifetime in seconds; never cut."},
    "label": {**TEXT, "maxLength": MAX_LABEL, "description": "For the list of tokens."},
}
_TARGET: Document = {
    "audience": {**TEXT, "description": "This Airflow, if given."},
    "resource": {**TEXT, "description": "This Airflow, if given (RFC 8707)."},
}


def _form(grant_type: str, fields: Document, required: tuple[str, ...] = (), *, client: bool = True) -> Document:
    properties = {"grant_type": {**TEXT, "const": grant_type}, **fields, **_WISHES, **(_CLIENT if client else {})}
    return {"type": "object", "required": ["grant_type", *required], "properties": properties}


FORMS: Document = {
    "TokenExchange": _form(
        TOKEN_EXCHANGE,
        {
            "subject_token": {**_TOKEN, "description": "Access token of an identity provider, or of this Airflow."},
            "subject_token_type": {**TEXT, "enum": list(TOKEN_TYPES)},
            "actor_token": {**_TOKEN, "description": "Of who acts for the subject from now on."},
            "actor_token_type": {**TEXT, "enum": list(TOKEN_TYPES)},
            "requested_token_type": {**TEXT, "enum": list(TOKEN_TYPES), "default": ACCESS_TOKEN_TYPE},
            **_TARGET,
        },
        ("subject_token", "subject_token_type"),
    ),
    "Assertion": _form(
        JWT_BEARER, {"assertion": {**_TOKEN, "description": "JWT of a workload issuer."}, **_TARGET}, ("assertion",)
    ),
    "ClientCredentials": _form(CLIENT_CREDENTIALS, _TARGET),
    "SwaggerPassword": _form(
        PASSWORD,
        {
            "username": {**TEXT, "description": f"`{TOKEN_USER}`, or empty with a client's id and secret."},
            "password": {**TEXT, "description": "A token that may be exchanged; there are no passwords."},
        },
    ),
    "CliTokenExchange": _form(
        TOKEN_EXCHANGE,
        {
            "provider": {**TEXT, "description": "Id from the list."},
            "subject_token": {**_TOKEN, "description": "id_token of the command line's client, good once."},
            "subject_token_type": {**TEXT, "const": ID_TOKEN_TYPE},
            "requested_token_type": {**TEXT, "const": ACCESS_TOKEN_TYPE},
        },
        ("provider", "subject_token", "subject_token_type"),
        client=False,
    ),
    "Revocation": {
        "type": "object",
        "required": ["token"],
        "properties": {"token": {**TEXT, "minLength": 1}, "token_type_hint": TEXT, **_CLIENT},
    },
    "Token": {
        "type": "object",
        "required": ["access_token", "issued_token_type", "token_type", "expires_in", "scope"],
        "properties": {
            "access_token": {**TEXT, "minLength": 1},
            "issued_token_type": {**TEXT, "enum": list(TOKEN_TYPES)},
            "token_type": {**TEXT, "enum": ["Bearer", "DPoP"]},
            "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds."},
            "scope": {**TEXT, "description": "The roles of the token."},
        },
    },
    "CliProviders": {
        "type": "object",
        "required": ["providers"],
        "properties": {"providers": {"type": "array", "items": ref("CliProvider")}},
    },
    "CliProvider": {
        "type": "object",
        "required": ["id", "label", "issuer", "client_id", "scopes", "resource", "audience"],
        "properties": {
            **dict.fromkeys(("id", "label", "issuer", "client_id"), TEXT),
            "scopes": {"type": "array", "items": TEXT},
            **{name: {"type": ["string", "null"]} for name in ("resource", "audience")},
        },
    },
    "JwkSet": {
        "type": "object",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
    },
    "Health": {
        "type": "object",
        "required": ["status", "providers"],
        "properties": {
            "status": {**TEXT, "enum": ["ok", "degraded"]},
            "closed": {**TEXT, "description": "The code that everybody is refused with at the moment."},
            "providers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "label", "state", "circuit"],
                    "properties": dict.fromkeys(("id", "label", "state", "circuit"), TEXT),
                },
            },
        },
    },
}

_PROOF: Document = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "description": "Proof of the key that the new token is to be bound to (RFC 9449, 5).",
    "schema": TEXT,
}
_CHALLENGE: Document = {"WWW-Authenticate": {"description": "How to authenticate a client.", "schema": TEXT}}
_OAUTH = {"application/json": {"schema": ref("OAuthError")}}
# Our middleware answers two Authorization headers before anybody knows which address is meant.
_OAUTH_OR_NOT = {"application/json": {"schema": {"anyOf": [ref("OAuthError"), ref("Refusal")]}}}
_ERRORS: Document = {
    "400": {"description": "No token for this request.", "content": _OAUTH},
    "401": {
        "description": "The client could not be authenticated, or the headers cannot be read.",
        "headers": _CHALLENGE,
        "content": _OAUTH_OR_NOT,
    },
    "429": {
        "description": "Too many requests from this address or for this principal.",
        "headers": RETRY_AFTER,
        "content": _OAUTH,
    },
    **refusals([500]),
    "503": {
        "description": "The identity provider or the database cannot be asked; nothing is said of the credentials.",
        "headers": RETRY_AFTER,
        "content": _OAUTH_OR_NOT,
    },
}
_MADE: Document = {
    "description": "A token of this Airflow; nothing of the identity provider's is in it.",
    "content": {"application/json": {"schema": ref("Token")}},
}


def _post(name: str, summary: str, forms: tuple[str, ...], done: Document, *, proof: bool = True) -> Document:
    schema = ref(forms[0]) if len(forms) == 1 else {"oneOf": [ref(form) for form in forms]}
    return {
        "operationId": name,
        "tags": ["tokens"],
        "summary": summary,
        "security": [{}, {"client": []}],
        **({"parameters": [_PROOF]} if proof else {}),
        "requestBody": {"required": True, "content": {FORM: {"schema": schema}}},
        "responses": {"200": done, **_ERRORS},
    }


def _get(name: str, summary: str, text: str, schema: Document) -> Document:
    return {
        "operationId": name,
        "tags": ["tokens"],
        "summary": summary,
        "responses": {
            "200": {"description": text, "content": {"application/json": {"schema": schema}}},
            **refusals([401, 500, 503]),
        },
    }


TOKENS: Document = {
    "/token": {
        "post": _post(
            "issue_token",
            "Make a token from another one (RFC 8693), an assertion (RFC 7523) or a client's credentials",
            ("TokenExchange", "Assertion", "ClientCredentials", "SwaggerPassword"),
            _MADE,
        )
    },
    "/token/cli": {
        "get": _get("show_cli", "Where a terminal signs in", "Public facts.", ref("CliProviders")),
        "post": _post("issue_cli_token", "A token for a terminal's id_token", ("CliTokenExchange",), _MADE),
    },
    "/token/revoke": {
        "post": _post(
            "revoke_token",
            "Revoke a token of this Airflow (RFC 7009)",
            ("Revocation",),
            {"description": "It is no token of this Airflow that lives."},
            proof=False,
        )
    },
    "/audit/jwks.json": {
        "get": _get("show_audit_keys", "The public keys of the signed audit", "A JWK Set (RFC 7517).", ref("JwkSet"))
    },
    "/health": {"get": _get("show_health", "How this server is doing", "Always.", ref("Health"))},
    "/openapi.json": {"get": _get("show_openapi", "This document", "OpenAPI 3.1.", {"type": "object"})},
}
TOKENS["/token/cli"]["post"]["security"] = []
TOKENS["/token/cli"]["get"]["responses"]["429"] = _ERRORS["429"]
