"""The outermost border of our sub-app: headers on every answer, and no error gets past it.

Plain ASGI: it must not copy bodies nor run before the lifespan events that belong to the app.
"""

from __future__ import annotations

import logging

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.sparing_log import SparingLog
from airflow_oidc_auth.web.answers import answer_code, answer_error
from airflow_oidc_auth.web.context import correlation_id_of
from airflow_oidc_auth.web.engine import EngineSource
from airflow_oidc_auth.web.pages import SECURITY_HEADERS, content_security_policy

log = logging.getLogger(__name__)


BESIDE_SCOPE_KEY = "airflow_oidc_auth.beside"
# Set by a page that other origins may frame; its own policy says which.
FRAMED_SCOPE_KEY = "airflow_oidc_auth.framed"


class Beside:
    """Wrap an app that is mounted beside our routes: its pages need scripts that our headers forbid."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        scope[BESIDE_SCOPE_KEY] = True
        await self._app(scope, receive, send)


class Border:
    """Wrap the routes.

    :param source: the running engine
    """

    def __init__(self, app: ASGIApp, source: EngineSource) -> None:
        self._app = app
        self._source = source
        self._log = SparingLog(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                if BESIDE_SCOPE_KEY not in scope:
                    protect(MutableHeaders(scope=message), framed=FRAMED_SCOPE_KEY in scope)
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except OidcAuthError as error:
            await self._answer(error, begun, scope, receive, guarded)
        except Exception as error:  # noqa: BLE001  # the outermost border: people see a page and a reference
            await self._answer(error, begun, scope, receive, guarded)

    async def _answer(self, error: Exception, begun: bool, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        reference = correlation_id_of(request)
        if isinstance(error, OidcAuthError):
            said = scope["method"], scope["path"], error.code, reference
            self._log.warning(error.code, "%s %r code=%s correlation_id=%s", *said)
        else:
            log.error("unexpected error correlation_id=%s", reference, exc_info=error)
        if begun:
            raise error
        engine = self._source()
        if isinstance(error, OidcAuthError):
            response = answer_error(engine, request, error)
        else:
            response = answer_code(engine, request, "internal_error")
        await response(scope, receive, send)


def protect(headers: MutableHeaders, *, framed: bool = False) -> None:
    """Set what every answer of ours has, unless the answer says otherwise.

    :param framed: other origins may frame it
    """
    for name, value in SECURITY_HEADERS.items():
        if not (framed and name == "X-Frame-Options"):
            headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", content_security_policy())
