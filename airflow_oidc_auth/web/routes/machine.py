"""What programs ask beside tokens: health."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from airflow_oidc_auth.web.engine import Engine


async def show_health(request: Request, engine: Engine) -> Response:
    """Say how each provider is doing, whether this server lets people in, and which configuration is in force.

    Always 200: an IdP or a database that is down is no reason to restart an API server.
    """
    choices, facts = engine.providers, engine.health()
    providers = [
        {"id": choice.id, "label": choice.label, "state": choice.state, "circuit": choice.circuit} for choice in choices
    ]
    troubled = "closed" in facts or "configuration_rejected" in facts
    degraded = troubled or any(choice.state == "failing" for choice in choices)
    return JSONResponse({**facts, "status": "degraded" if degraded else "ok", "providers": providers})
