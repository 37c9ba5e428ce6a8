"""FAB's own part under ``/auth``: its REST API and its Flask pages, behind our door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from airflow import settings
from fastapi import FastAPI
from fastapi.middleware.wsgi import WSGIMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_oidc_auth.fab.visitor import visiting
from airflow_oidc_auth.managers.fab_visitors import find_visitor, keeping_our_cookie
from airflow_oidc_auth.web.cookies import TOKEN_SCOPE_KEY

if TYPE_CHECKING:
    from flask import Flask

    from airflow_oidc_auth.managers.engine import Engine
    from airflow_oidc_auth.managers.fab import OidcFabAuthManager


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
        with visiting(await find_visitor(self._engine, scope.get(TOKEN_SCOPE_KEY))):
            await self._pages(scope, receive, keeping_our_cookie(send))


def _forgetting(wsgi: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Give the thread's database session back after each request; Flask's teardown would keep it for the next one."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return wsgi(environ, start_response)
        finally:
            if settings.Session is not None:
                settings.Session.remove()

    return app
