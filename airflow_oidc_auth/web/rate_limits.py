"""Which addresses of ours may be tried only so often, and what whoever tries too often is told (RFC 6585 §4).

Health, sign-out and messages of identity providers are never limited: whoever uses those up would keep sessions alive.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from airflow_oidc_auth.login.rate_limits import Kind, RateLimited
from airflow_oidc_auth.login.token_errors import UNAVAILABLE, TokenError
from airflow_oidc_auth.web.answers import answer_code
from airflow_oidc_auth.web.context import correlation_id_of
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.oauth_answers import answer_error

LIMITED: Mapping[str, Kind] = {
    "/login": "login",
    "/login/{provider}": "login",
    "/callback/{provider}": "callback",
    "/saml/{provider}/acs": "callback",
    # Where responses are verified: whoever leaves the page between out would not be counted at all.
    "/saml/{provider}/finish": "callback",
    "/token": "token",
    "/token/cli": "token",
    "/token/revoke": "token",
}


async def limit_request(request: Request, engine: Engine, path: str) -> Response | None:
    """Count a request before anything of it is read, and answer it if it was one too many.

    :param path: of the route, as in :data:`LIMITED`
    """
    kind = LIMITED.get(path)
    if kind is None or (path == "/login" and len(engine.providers) > 1):  # the choice begins nothing
        return None
    try:
        await engine.rate_limits.check(kind, request.client.host if request.client else None)
    except RateLimited as error:
        return _answer(request, engine, kind, error)
    return None


def _answer(request: Request, engine: Engine, kind: Kind, error: RateLimited) -> Response:
    """Answer 429: programs in OAuth's words, people with a page.

    No RFC names an ``error`` for it: ``slow_down`` (RFC 8628 §3.5) changes how a device polls, and
    ``temporarily_unavailable`` (RFC 6749 §4.1.2.1) is what clients take for "the same again, later".
    """
    if kind != "token":
        headers = {"Retry-After": str(error.retry_after), "Cache-Control": "no-store"}
        return answer_code(engine, request, error.code, headers)
    said = f"{error.message.text} {error.hint}"
    correlation_id = correlation_id_of(request)
    return answer_error(TokenError(UNAVAILABLE, said, error.code, error.status, correlation_id, error.retry_after))
