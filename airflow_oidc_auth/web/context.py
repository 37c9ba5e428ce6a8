"""What a request says about where it came from."""

from __future__ import annotations

import base64
import secrets

from starlette.requests import Request

from airflow_oidc_auth.login.outcome import RequestContext

CORRELATION_SCOPE_KEY = "airflow_oidc_auth.correlation_id"


def new_correlation_id() -> str:
    """Return a reference that a person can read out: 16 letters and digits without look-alikes."""
    return base64.b32encode(secrets.token_bytes(10)).decode().lower()


def correlation_id_of(request: Request) -> str:
    """Return the reference of this request, made when first asked for."""
    known: str = request.scope.setdefault(CORRELATION_SCOPE_KEY, new_correlation_id())
    return known


def read_context(request: Request) -> RequestContext:
    """Return the context that audit rows and pages name.

    The client's address is the server's (uvicorn's, which knows the trusted proxies), never a header read here.
    """
    return RequestContext(
        client_address=request.client.host if request.client else None,
        correlation_id=correlation_id_of(request),
        cookies=request.cookies,
    )
