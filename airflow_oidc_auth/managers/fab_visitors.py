"""Who asks for a Flask page, FAB's or a plugin's: our session cookie says it, and stays ours to set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_oidc_auth.fab.visitor import Visitor, visiting
from airflow_oidc_auth.managers.fab_user import OidcFabUser
from airflow_oidc_auth.web.api_call import path_below_root
from airflow_oidc_auth.web.cookies import SESSION_COOKIE, read_session_token

if TYPE_CHECKING:
    from airflow_oidc_auth.managers.engine import Engine

PLUGINS_PREFIX = "/pluginsv2/"


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
        with visiting(await find_visitor(self._engine, read_session_token(Request(scope)))):
            await self._app(scope, receive, keeping_our_cookie(send))


async def find_visitor(engine: Engine, token: str | None) -> Visitor | None:
    """Return who asks, None for nobody.

    :raises SessionError: the session or the FAB user cannot be read
    """
    user = await engine.find_user(token) if token else None
    return Visitor(user.account.user_id, user.permissions) if isinstance(user, OidcFabUser) else None


def keeping_our_cookie(send: Send) -> Send:
    """Let no page of FAB's set the session cookie: FAB would renew it with its redirects, and without our flags."""

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message["headers"] if not _sets_session(name, value)]
            message = {**message, "headers": headers}
        await send(message)

    return keep


def _sets_session(name: bytes, value: bytes) -> bool:
    return name.lower() == b"set-cookie" and value.partition(b"=")[0].strip() == SESSION_COOKIE.encode()
