"""The public keys of the signed audit, for whoever verifies it: an auditor has no account here."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from airflow_oidc_auth.web.engine import Engine


async def show_audit_keys(request: Request, engine: Engine) -> Response:
    """Answer the JWK Set; it holds no key where the audit is not signed."""
    return JSONResponse(dict(engine.audit_keys()))
