"""The description of all our routes (OpenAPI 3.1), served at ``/auth/openapi.json``.

Written by hand beside the routes: they parse requests themselves, more strictly than a framework's models can say.
Tests hold it against the table of routes, and against what the routes really answer.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.openapi_pages import PAGES
from airflow_oidc_auth.web.openapi_parts import SCHEMAS, SECURITY_SCHEMES
from airflow_oidc_auth.web.openapi_tokens import FORMS, TOKENS

DESCRIPTION = (
    "Signing in to this Airflow, and tokens for programs. Every answer has `Cache-Control: no-store`. "
    "Errors of pages are HTML or JSON, as `Accept` asks; those of the token endpoint are OAuth's (RFC 6749, 5.2)."
)
TAGS = (
    ("sign-in", "What a browser goes through."),
    ("account", "What people who are signed in see and end."),
    ("identity provider", "What identity providers call, or send browsers to."),
    ("tokens", "What programs call."),
)


async def show_openapi(request: Request, engine: Engine) -> Response:
    """Describe the routes."""
    return JSONResponse(describe(engine.base_url))


@cache
def describe(base_url: str) -> dict[str, Any]:
    """Return the document; callers must not change it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "airflow-oidc-auth", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": f"{base_url}/auth"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS],
        "paths": {**PAGES, **TOKENS},
        "components": {"schemas": {**SCHEMAS, **FORMS}, "securitySchemes": SECURITY_SCHEMES},
    }
