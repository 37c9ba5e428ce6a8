"""FAB's own part under ``/auth``: its REST API and its Flask pages, behind our door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from airflow import settings
from fastapi import FastAPI
from fastapi.middleware.wsgi import WSGIMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_oidc_auth.fab.visitor import Visitor, visiting
from airflow_oidc_auth.managers.fab_user import OidcFabUser
from airflow_oidc_auth.web.cookies import SESSION_COOKIE, TOKEN_SCOPE_KEY, read_session_token
from airflow_oidc_auth.web.middleware import path_below_root

if TYPE_CHECKING:
    from flask import Flask

    from airflow_oidc_auth.managers.engine import Engine
    from airflow_oidc_auth.managers.fab import OidcFabAuthManager

PLUGINS_PREFIX = "/pluginsv2/"


def build_fab_app(manager: OidcFabAuthManager, flask_app: Flask, engine: Engine) -> FastAPI:
    """Return the app for what is not ours under ``/auth``."""
    from airflow.providers.fab.auth_manager.api_fastapi.routes.router import fab_router, register_routes

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.auth_manager = manager
    register_routes()
    app.include_router(fab_router)
    app.mount("/", FabPages(flask_app, engine))
    return app


class FabPages:
    """Run the Flask app for whoever our session cookie names."""

    def __init__(self, flask_app: Flask, engine: Engine) -> None:
        self._pages: ASGIApp = WSGIMiddleware(_forgetting(flask_app.wsgi_app))
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        with visiting(await _find_visitor(self._engine, scope.get(TOKEN_SCOPE_KEY))):
            await self._pages(scope, receive, _keeping_our_cookie(send))


class PluginPages:
    """Tell the Flask pages of plugins (``/pluginsv2``), an app of their own, whom our session cookie names."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not path_below_root(scope).startswith(PLUGINS_PREFIX):
            await self._app(scope, receive, send)
            return
        with visiting(await _find_visitor(self._engine, read_session_token(Request(scope)))):
            await self._app(scope, receive, _keeping_our_cookie(send))


async def _find_visitor(engine: Engine, token: str | None) -> Visitor | None:
    user = await engine.find_user(token) if token else None
    return Visitor(user.account.user_id, user.permissions) if isinstance(user, OidcFabUser) else None


def _keeping_our_cookie(send: Send) -> Send:
    """Let no page of FAB's set the session cookie: FAB would renew it with its redirects, and without our flags."""

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message["headers"] if not _sets_session(name, value)]
            message = {**message, "headers": headers}
        await send(message)

    return keep


def _sets_session(name: bytes, value: bytes) -> bool:
    return name.lower() == b"set-cookie" and value.partition(b"=")[0].strip() == SESSION_COOKIE.encode()


def _forgetting(wsgi: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Give the thread's database session back after each request; Flask's teardown would keep it for the next one."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return wsgi(environ, start_response)
        finally:
            if settings.Session is not None:
                settings.Session.remove()

    return app
