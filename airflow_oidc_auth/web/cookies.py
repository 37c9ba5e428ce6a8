"""The cookies that we set, with their flags in one place.

``_token``          Airflow's session cookie: the whole Airflow path, until the session's hard end
``oidc_attempt_…``  one per sign-in attempt: only ``…auth/``
``oidc_arrived``    set for seconds after a sign-in, so that a browser that loses ``_token`` does not go in circles
``oidc_left``       set for a minute after a sign-out, so that a page that is still open does not sign in again
``oidc_zone``       the time zone chosen on "my access"
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from airflow_oidc_auth.login.attempts import Cookie
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.engine import Engine

SESSION_COOKIE = "_token"
ARRIVED_COOKIE = "oidc_arrived"
LEFT_COOKIE = "oidc_left"
ZONE_COOKIE = "oidc_zone"
ARRIVED_SECONDS = 15
LEFT_SECONDS = 60
ZONE_SECONDS = 365 * 24 * 3600

TOKEN_SCOPE_KEY = "airflow_oidc_auth.token"  # a key of the ASGI scope


def read_session_token(request: Request) -> str | None:
    """Return the session token of this request; our middleware took it out of the cookies on the way in."""
    if TOKEN_SCOPE_KEY in request.scope:
        token: str | None = request.scope[TOKEN_SCOPE_KEY]
        return token
    return request.cookies.get(SESSION_COOKIE)


def set_session(response: Response, engine: Engine, session: Session, request: Request) -> None:
    """Hand the browser its session, and remove one that an older Airflow left at the root path."""
    _set(
        response,
        engine,
        request,
        name=SESSION_COOKIE,
        value=engine.tokens.issue(session),
        path=engine.cookie_path,
        max_age=max(0, session.expires_at - int(engine.clock())),
    )
    _clear_root(response, engine, request)
    set_own(response, engine, Cookie(ARRIVED_COOKIE, "1", ARRIVED_SECONDS), request)
    if LEFT_COOKIE in request.cookies:
        clear_own(response, engine, [LEFT_COOKIE], request)


def clear_session(response: Response, engine: Engine, request: Request) -> None:
    """Remove the session from the browser, at Airflow's path and at the root."""
    for name in (SESSION_COOKIE, *engine.other_cookies):
        _set(response, engine, request, name=name, value="", path=engine.cookie_path, max_age=0)
    _clear_root(response, engine, request)
    clear_own(response, engine, [ARRIVED_COOKIE], request)


def set_left(response: Response, engine: Engine, request: Request) -> None:
    """Remember that the person of this browser has just signed out."""
    set_own(response, engine, Cookie(LEFT_COOKIE, "1", LEFT_SECONDS), request)


def set_own(response: Response, engine: Engine, cookie: Cookie, request: Request) -> None:
    """Set a cookie that only our routes see."""
    name, value, max_age = cookie.name, cookie.value, cookie.max_age
    _set(response, engine, request, name=name, value=value, path=own_path(engine), max_age=max_age)


def clear_own(response: Response, engine: Engine, names: Iterable[str], request: Request) -> None:
    """Remove cookies that only our routes see."""
    for name in names:
        _set(response, engine, request, name=name, value="", path=own_path(engine), max_age=0)


def own_path(engine: Engine) -> str:
    """Return the path of our routes, below Airflow's own: several Airflows may share a domain."""
    return f"{engine.cookie_path.rstrip('/')}/auth/"


def _clear_root(response: Response, engine: Engine, request: Request) -> None:
    if engine.cookie_path != "/":
        _set(response, engine, request, name=SESSION_COOKIE, value="", path="/", max_age=0)


def _set(
    response: Response, engine: Engine, request: Request, *, name: str, value: str, path: str, max_age: int
) -> None:
    secure = engine.secure_cookies or request.url.scheme == "https"
    response.set_cookie(name, value, max_age=max_age, path=path, secure=secure, httponly=True, samesite="lax")
