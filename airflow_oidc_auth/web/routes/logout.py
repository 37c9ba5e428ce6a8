"""Sign out: end the session here, then at the IdP, and stay signed out.

A GET must work, because core sends the browser here after it revoked the token. It can end nothing but the session of
the browser that makes it. A link on another site could still sign people out against their will: when the browser says
that the request comes from another site and the session is alive, a form asks first. What goes on to the IdP is a page
of :mod:`airflow_oidc_auth.web.signed_out`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.outcome import SignedOut
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web import cookies, pages, signed_out
from airflow_oidc_auth.web.answers import answer_error, page_basics
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.csrf import FIELD, build_csrf_token, check_csrf, check_sender, is_cross_site
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.logout_ticket import new_ticket
from airflow_oidc_auth.web.query import read_form, read_query
from airflow_oidc_auth.web.routes.login import current_session


async def sign_out(request: Request, engine: Engine) -> Response:
    """End the session of this browser and go on to the IdP's sign-out; a page comes first, programs need none."""
    if is_cross_site(request) and (session := await current_session(request, engine)):
        return _ask(engine, session, still=False)
    session_id = await _session_id(request, engine)
    if session_id is not None and _shows_pages(request) and signed_out.NOW not in read_query(request):
        return signed_out.show_leaving(engine)
    return await _end(request, engine, session_id)


async def sign_out_by_form(request: Request, engine: Engine) -> Response:
    """End the session on the order of a form of ours."""
    form = await read_form(request)
    # Browsers send no cookie with a form of another site, but they would obey the answer that deletes it.
    check_sender(engine, request)
    session_id = await _session_id(request, engine)
    if session_id is not None:
        check_csrf(engine, request, session_id, form.get(FIELD, ""))
    return await _end(request, engine, session_id)


async def show_signed_out(request: Request, engine: Engine) -> Response:
    """Say that nobody is signed in any more, if that is so; signing in again takes a click."""
    if session := await current_session(request, engine):
        return _ask(engine, session, still=True)
    return signed_out.show_signed_out(engine)


def _ask(engine: Engine, session: Session, *, still: bool) -> Response:
    token = build_csrf_token(engine, session.id)
    return pages.render("confirm.html", **page_basics(engine), csrf_token=token, still=still)


def _shows_pages(request: Request) -> bool:
    return request.headers.get("sec-fetch-mode") == "navigate" or "text/html" in request.headers.get("accept", "")


async def _session_id(request: Request, engine: Engine) -> str | None:
    token = cookies.read_session_token(request)
    return await engine.session_id_of(token) if token else None


async def _end(request: Request, engine: Engine, session_id: str | None) -> Response:
    outcome = SignedOut(ended=False)
    try:
        if session_id is not None:
            sign_out = engine.journey.sign_outs.sign_out
            outcome = await sign_out(session_id, read_context(request), new_ticket(engine))
        response = signed_out.answer_signed_out(engine, request, outcome)
    except OidcAuthError as error:
        # This browser forgets the session even when the store cannot be told.
        response = answer_error(engine, request, error)
    cookies.clear_session(response, engine, request)
    return response
