"""What programs ask: health, and tokens, which this release does not issue by request."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from airflow_oidc_auth.messages import message
from airflow_oidc_auth.web.context import correlation_id_of
from airflow_oidc_auth.web.engine import Engine


async def show_health(request: Request, engine: Engine) -> Response:
    """Say how each provider is doing, and whether this server lets people in.

    Always 200: an IdP or a database that is down is no reason to restart an API server.
    """
    choices, facts = engine.providers, engine.health()
    providers = [
        {"id": choice.id, "label": choice.label, "state": choice.state, "circuit": choice.circuit} for choice in choices
    ]
    degraded = "closed" in facts or any(choice.state == "failing" for choice in choices)
    return JSONResponse({**facts, "status": "degraded" if degraded else "ok", "providers": providers})


async def refuse_token(request: Request, engine: Engine) -> Response:
    """Answer a token request with an OAuth error (RFC 6749 §5.2)."""
    text = message("unsupported_grant_type")
    content = {
        "error": "unsupported_grant_type",
        "error_description": f"{text.text} {text.hint}",
        "correlation_id": correlation_id_of(request),
    }
    return JSONResponse(content, status_code=text.status)
