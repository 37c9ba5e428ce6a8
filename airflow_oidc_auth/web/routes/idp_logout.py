"""Where OpenID providers tell us that somebody has signed out: by a token of their server, or by a frame in a browser.

Neither needs a cookie, and neither can be forged by a form of another site: the token is signed, the frame names a
session that only the IdP and we know.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, ProviderError, SessionError
from airflow_oidc_auth.login.journey import build_signed_out_uri
from airflow_oidc_auth.web import pages
from airflow_oidc_auth.web.border import FRAMED_SCOPE_KEY
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.query import read_form, read_query

MAX_FORM_BYTES = 20 * 1024
BAD_REQUEST = 400


async def receive_logout_token(request: Request, engine: Engine) -> Response:
    """End what the token names; 200 and nothing else if that is done (Back-Channel Logout 1.0 §2.8)."""
    context = read_context(request)
    try:
        token = (await read_form(request, MAX_FORM_BYTES)).get("logout_token", "")
        if not token:
            raise ProtocolViolation("logout_token_malformed", "there is no logout_token")
        await engine.journey.idp_logouts.end_by_token(request.path_params["provider"], token, context)
    except OidcAuthError as error:
        return _refuse(error, context.correlation_id)
    return Response()


async def show_logged_out(request: Request, engine: Engine) -> Response:
    """End the session that ``iss`` and ``sid`` name, and show nothing, in the IdP's frame (Front-Channel Logout §3)."""
    provider, query = request.path_params["provider"], read_query(request)
    logouts = engine.journey.idp_logouts
    await logouts.end_by_name(provider, query.get("iss", ""), query.get("sid", ""), read_context(request))
    origins = await logouts.frame_origins(provider, build_signed_out_uri(engine.base_url))
    response = Response(media_type="text/html")
    response.headers["Content-Security-Policy"] = pages.content_security_policy(" ".join(origins))
    # X-Frame-Options has no word for one other origin.
    request.scope[FRAMED_SCOPE_KEY] = True
    return response


def _refuse(error: OidcAuthError, correlation_id: str) -> Response:
    """Answer 400 whatever went wrong (§2.8), with an OAuth error (RFC 6749 §5.2) that tells forged from failed."""
    down = isinstance(error, ProviderError | SessionError)
    content = {
        "error": "temporarily_unavailable" if down else "invalid_request",
        "error_description": f"{error.message.text} {error.hint}",
        "code": error.code,
        "correlation_id": correlation_id,
    }
    return JSONResponse(content, status_code=BAD_REQUEST)
