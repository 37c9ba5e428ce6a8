"""The form of a token request, read strictly: one meaning or none (RFC 6749 §3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.login.token_errors import INVALID_REQUEST, TokenDenied
from airflow_oidc_auth.web.query import read_form

MAX_FORM_BYTES = 64 * 1024
JSON = "application/json"


async def read_oauth_form(request: Request) -> Mapping[str, str]:
    """Return the fields that are given and not empty; an empty one counts as left out (§3.1).

    :raises TokenDenied: the body is no such form, too large, or says something twice; or the address has parameters,
        which every log on the way would keep
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == JSON:
        raise TokenDenied(INVALID_REQUEST, "token_request_json")
    if request.scope["query_string"]:
        raise TokenDenied(INVALID_REQUEST, "token_request_in_address")
    try:
        form = await read_form(request, MAX_FORM_BYTES)
    except ProtocolViolation as error:
        text = "A parameter is given more than once." if error.code == "duplicate_parameter" else ""
        raise TokenDenied(INVALID_REQUEST, "token_request_malformed", error.detail, text=text) from None
    return {name: value for name, value in form.items() if value}
