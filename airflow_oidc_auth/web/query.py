"""Query parameters, each at most once and of a sane size."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from airflow_oidc_auth.errors import ProtocolViolation

MAX_QUERY_BYTES = 16_384
MAX_PARAMETERS = 40
FORM = "application/x-www-form-urlencoded"


def read_query(request: Request) -> Mapping[str, str]:
    """Return the parameters.

    A parameter given twice is refused (RFC 6749 §3.1): two readers could choose different ones.

    :raises ProtocolViolation: ``duplicate_parameter``, ``request_too_large`` or ``request_malformed``
    """
    return read_pairs(request.scope["query_string"])


def read_pairs(encoded: bytes, limit: int = MAX_QUERY_BYTES) -> Mapping[str, str]:
    """Return the pairs of ``application/x-www-form-urlencoded`` text.

    :raises ProtocolViolation: as :func:`read_query`
    """
    if len(encoded) > limit:
        raise ProtocolViolation("request_too_large", f"{len(encoded)} bytes of parameters")
    try:
        text = encoded.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise ProtocolViolation("request_malformed", type(error).__name__) from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ProtocolViolation("duplicate_parameter", f"{len(pairs)} parameters, {len(found)} names")
    return found


async def read_form(request: Request, limit: int = MAX_QUERY_BYTES) -> Mapping[str, str]:
    """Return the fields of a form body; the body is never read beyond the limit.

    :param limit: bytes
    :raises ProtocolViolation: as :func:`read_query`; also ``request_malformed`` for a body that is no such form
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", FORM):
        raise ProtocolViolation("request_malformed", "the body is no form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise ProtocolViolation("request_too_large", "form body")
    if body and not kind:
        raise ProtocolViolation("request_malformed", "the body does not say what it is")
    return read_pairs(bytes(body), limit)
