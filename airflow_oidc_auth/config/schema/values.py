"""Kinds of values that several parts of the document use."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from airflow_oidc_auth.config.paths import has_control_characters
from airflow_oidc_auth.config.schema.base import kind_of, refuse
from airflow_oidc_auth.identity.claims import ClaimPath, parse_claim_path
from airflow_oidc_auth.providers.endpoints import is_loopback

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})\s?([smhd]?)")


def _text(value: str) -> str:
    if value != value.strip():
        raise refuse("begins or ends with a space", "remove it")
    if "\n" in value or "\t" in value:
        raise refuse("holds a line break or tab", "write it on one line")
    if has_control_characters(value):
        raise refuse("holds control characters", "remove them")
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return value
    raise refuse(f"must be text or a list of texts, not {kind_of(value)}", quoting_hint(value))


def quoting_hint(value: object) -> str:
    """Say how to make text of what YAML took for something else."""
    if isinstance(value, bool | int | float):
        return "put it in quotes"
    return "write a value, or remove the key" if value is None else ""


def parse_duration(value: object, suggestion: str = "write a number and a unit: 45s, 30m, 12h or 7d") -> int:
    """Return seconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise refuse("is not a duration", suggestion)
    return int(match[1]) * _UNITS[match[2] or "s"]


def _duration(value: object) -> int:
    return parse_duration(value)


def _claim_path(value: object) -> ClaimPath:
    if not isinstance(value, str | list):
        raise refuse(f"must be a claim path, not {kind_of(value)}", "write a claim's name, such as `groups`")
    try:
        return parse_claim_path(value)
    except ValueError as error:
        raise refuse(f"is not a claim path: {error}", "write a name, a dotted path, or a list of names") from None


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise refuse("is not a URL", "write it as https://host/path") from None
    if re.search(r"\s", value) or parts.scheme not in ("http", "https") or not host:
        raise refuse("is not an absolute URL", "write it as https://host/path")
    if parts.username is not None or parts.password is not None:
        raise refuse("holds a user name or password", "remove them: a URL is shown in logs and pages")
    if parts.fragment or value.endswith("#"):
        raise refuse("has a fragment ('#…')", "remove it")
    return value


def _secure_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise refuse("uses plain http: anyone on the way could read and forge sign-ins", "use https")
    return value


def _issuer(value: str) -> str:
    if urlsplit(value).query or value.endswith("?"):
        raise refuse("has a query ('?…'); an issuer has none", "copy `issuer` from the discovery document")
    if "/.well-known/" in value:
        raise refuse("is the discovery address, not the issuer", "write the part before /.well-known/")
    return value


def _proxy(value: str) -> str:
    if urlsplit(value).path not in ("", "/"):
        raise refuse("has a path", "write it as http://host:port")
    return value


def _absolute(value: str) -> str:
    if not value.startswith("/"):
        raise refuse("is a relative path", "write the full path, beginning with /")
    return value


class OneOrMany:
    """Say in the JSON Schema of a list that one item may stand for itself."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the item's schema, or the list's."""
        many = handler(core_schema)
        return {"anyOf": [many["items"], many]}


_LIST_OF_TEXT: dict[str, object] = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
_ONE_OR_MORE: dict[str, object] = {"anyOf": [{"type": "string", "minLength": 1}, _LIST_OF_TEXT]}

Text = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_text)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=1000)]
TextOrTexts = Annotated[Texts, BeforeValidator(_listed), OneOrMany()]
Url = Annotated[
    Text, AfterValidator(_url), AfterValidator(_secure_url), WithJsonSchema({"type": "string", "format": "uri"})
]
Issuer = Annotated[Url, AfterValidator(_issuer), WithJsonSchema({"type": "string", "format": "uri"})]
ProxyUrl = Annotated[
    Text, AfterValidator(_url), AfterValidator(_proxy), WithJsonSchema({"type": "string", "format": "uri"})
]
AbsolutePath = Annotated[Text, AfterValidator(_absolute), WithJsonSchema({"type": "string", "pattern": "^/"})]
DURATION_CHOICES: tuple[dict[str, object], ...] = (
    {"type": "string", "pattern": "^[0-9]+ ?[smhd]?$"},
    {"type": "integer", "minimum": 0},
)
Duration = Annotated[int, BeforeValidator(_duration), WithJsonSchema({"anyOf": [*DURATION_CHOICES]})]
ClaimPathValue = Annotated[ClaimPath, PlainValidator(_claim_path), WithJsonSchema(_ONE_OR_MORE)]
