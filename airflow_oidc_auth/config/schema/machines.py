"""``providers[].api`` and ``providers[].cli``: what a provider of people may do for programs and terminals."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from airflow_oidc_auth.config.schema.base import Strict, refuse
from airflow_oidc_auth.config.schema.values import Duration, OneOrMany, Text, TextOrTexts

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
# Signed by the same keys, for other purposes (RFC 8725 §3.11): whoever gets hold of one must not get in with it.
_OTHER_TOKENS = frozenset({"logout+jwt", "dpop+jwt", "secevent+jwt", "token-introspection+jwt", "oauth-authz-req+jwt"})
LONGEST_TOKEN = 30 * 86400


def _scope(value: str) -> str:
    if _SCOPE.fullmatch(value) is None:
        raise refuse("is not one scope", "write each scope as its own list item")
    return value


def _token_type(value: str) -> str:
    """RFC 7515 §4.1.9: compared without case, and without the leading ``application/``."""
    name = value.lower().removeprefix("application/")
    if name == "none":
        return ""
    if _TYPE.fullmatch(name) is None:
        raise refuse("is not a token type", "write at+jwt, JWT, or none for tokens without a type")
    if name in _OTHER_TOKENS:
        raise refuse("is the type of another kind of token", "write at+jwt, JWT, or none for tokens without a type")
    return name


Scope = Annotated[Text, AfterValidator(_scope)]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=50)]
TokenType = Annotated[Text, AfterValidator(_token_type)]


def _one_type(value: object) -> object:
    return [value] if isinstance(value, str) else value


TokenTypes = Annotated[list[TokenType], Field(min_length=1, max_length=10), BeforeValidator(_one_type), OneOrMany()]
Audiences = Annotated[TextOrTexts, Field(max_length=20)]
TokenLifetime = Annotated[Duration, Field(ge=60, le=LONGEST_TOKEN)]


class ApiModel(Strict):
    """Access tokens of this provider that the REST API takes."""

    audience: Audiences = Field(
        description="What `aud` of a token must be, or one of several: an API at the provider that stands for this "
        "Airflow and nothing else.",
        examples=["https://airflow.example.com"],
    )
    opaque: bool = Field(
        default=False,
        description="Also take tokens that are no JWT: the provider is asked about each (RFC 7662).",
        examples=[True],
    )
    token_types: TokenTypes | None = Field(
        default=None,
        description="Accepted `typ` of a token's header, `none` for tokens without one; the preset's if left out, "
        "which is `at+jwt` (RFC 9068) where the vendor has nothing else.",
        examples=[["at+jwt"]],
    )
    max_lifetime: TokenLifetime | None = Field(
        default=None,
        description="Tokens that live longer are refused, 1m to 30d; `1d` unless the preset knows better.",
        examples=["1h"],
    )
    required_scopes: Scopes | None = Field(
        default=None, description="Scopes that a token must have, all of them.", examples=[["airflow"]]
    )


class CliModel(Strict):
    """How people sign in from a terminal, with `airflow oidc login`."""

    client_id: Text = Field(
        description="A public client at the provider, which may use the device flow or a loopback redirect. Not the "
        "client of the browser's sign-in.",
        examples=["airflow-cli"],
    )
    scopes: Scopes | None = Field(
        default=None,
        description="Scopes to ask for; `openid profile email offline_access` if left out.",
        examples=[["openid", "profile", "email"]],
    )
    resource: Text | None = Field(
        default=None,
        description="Resource indicator to ask for (RFC 8707).",
        examples=["https://airflow.example.com"],
    )
    audience: Text | None = Field(
        default=None,
        description="The same for providers that call it `audience` (Auth0).",
        examples=["https://airflow.example.com"],
    )
