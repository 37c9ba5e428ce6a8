"""The sub-app that Airflow mounts at ``/auth``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_oidc_auth.web.answers import answer_code
from airflow_oidc_auth.web.border import Beside, Border
from airflow_oidc_auth.web.engine import Engine, EngineSource
from airflow_oidc_auth.web.oauth_answers import answer_other_method
from airflow_oidc_auth.web.openapi import show_openapi
from airflow_oidc_auth.web.rate_limits import LIMITED, limit_request
from airflow_oidc_auth.web.routes.access import show_access
from airflow_oidc_auth.web.routes.audit_keys import show_audit_keys
from airflow_oidc_auth.web.routes.break_glass import show_link, use_link
from airflow_oidc_auth.web.routes.callback import finish_login
from airflow_oidc_auth.web.routes.idp_logout import receive_logout_token, show_logged_out
from airflow_oidc_auth.web.routes.login import begin_login, show_login
from airflow_oidc_auth.web.routes.logout import show_signed_out, sign_out, sign_out_by_form
from airflow_oidc_auth.web.routes.machine import show_health
from airflow_oidc_auth.web.routes.saml import exchange_logout, finish_saml_login, receive_response, show_metadata
from airflow_oidc_auth.web.routes.sessions import ask_to_end, end_sessions, show_sessions
from airflow_oidc_auth.web.routes.token import issue_cli_token, issue_token, revoke_token, show_cli
from airflow_oidc_auth.web.routes.tokens_page import revoke_own_token

Page = Callable[[Request, Engine], Awaitable[Response]]

NOT_FOUND = 404
METHOD_NOT_ALLOWED = 405


def create_web_app(
    source: EngineSource, lifespan: Callable[[FastAPI], Any] | None = None, beside: ASGIApp | None = None
) -> FastAPI:
    """Return the app with our routes and pages.

    :param source: asked once per request, so that a hot reload is seen by the next one
    :param lifespan: starts and stops the background threads
    :param beside: answers every other path, with headers and errors of its own
    """
    app = FastAPI(
        title="airflow-oidc-auth",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Its redirects are built from the Host header.
        redirect_slashes=False,
    )
    app.router.routes.extend(_routes(source))
    if beside is not None:
        app.mount("/", Beside(beside))
    app.add_middleware(Border, source=source)
    app.add_exception_handler(HTTPException, _answer_http_exception(source))
    return app


def _routes(source: EngineSource) -> list[Route]:
    table: list[tuple[str, dict[str, Page]]] = [
        ("/login", {"GET": show_login}),
        ("/login/{provider}", {"GET": begin_login}),
        ("/callback/{provider}", {"GET": finish_login}),
        ("/saml/{provider}/acs", {"POST": receive_response}),
        ("/saml/{provider}/finish", {"POST": finish_saml_login}),
        ("/saml/{provider}/metadata", {"GET": show_metadata}),
        ("/saml/{provider}/slo", {"GET": exchange_logout, "POST": exchange_logout}),
        ("/backchannel-logout/{provider}", {"POST": receive_logout_token}),
        ("/frontchannel-logout/{provider}", {"GET": show_logged_out}),
        ("/logout", {"GET": sign_out, "POST": sign_out_by_form}),
        ("/signed-out", {"GET": show_signed_out}),
        ("/access", {"GET": show_access}),
        ("/access/tokens", {"POST": revoke_own_token}),
        ("/sessions", {"GET": show_sessions, "POST": end_sessions}),
        ("/sessions/end", {"GET": ask_to_end}),
        ("/break-glass", {"GET": show_link, "POST": use_link}),
        ("/audit/jwks.json", {"GET": show_audit_keys}),
        ("/health", {"GET": show_health}),
        ("/openapi.json", {"GET": show_openapi}),
        ("/token", {"POST": issue_token}),
        ("/token/cli", {"GET": show_cli, "POST": issue_cli_token}),
        ("/token/revoke", {"POST": revoke_token}),
    ]
    return [Route(path, _Endpoint(source, pages, path)) for path, pages in table]


class _Endpoint:
    """Choose by method.

    HEAD is not GET here: a link preview must not spend a sign-in attempt, an authorization code or a session.
    """

    def __init__(self, source: EngineSource, pages: dict[str, Page], path: str) -> None:
        self._source = source
        self._pages = pages
        self._path = path
        self._allow = ", ".join(sorted(pages))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        page = self._pages.get(request.method)
        if page is None and LIMITED.get(self._path) == "token":
            await answer_other_method(request, self._allow)(scope, receive, send)
            return
        if page is None:
            raise HTTPException(METHOD_NOT_ALLOWED, headers={"Allow": self._allow})
        engine = self._source()
        response = await limit_request(request, engine, self._path) or await page(request, engine)
        await response(scope, receive, send)


def _answer_http_exception(source: EngineSource) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", NOT_FOUND)
        code = {NOT_FOUND: "page_unknown", METHOD_NOT_ALLOWED: "method_not_allowed"}.get(status, "request_malformed")
        return answer_code(source(), request, code, getattr(error, "headers", None))

    return answer
