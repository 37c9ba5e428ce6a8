"""Sign out: end the session here, then at the IdP, and stay signed out.

A GET must work, because core sends the browser here after it revoked the token. It can end nothing but the session of
the browser that makes it. A link on another site could still sign people out against their will: when the browser says
that the request comes from another site and the session is alive, a form asks first.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.journey import build_signed_out_uri
from airflow_oidc_auth.login.outcome import SignedOut
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web import cookies, pages
from airflow_oidc_auth.web.answers import answer_error, label_of, login_url, page_basics
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.csrf import FIELD, build_csrf_token, check_csrf, is_cross_site
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.logout_ticket import new_ticket
from airflow_oidc_auth.web.query import read_form
from airflow_oidc_auth.web.routes.login import SEE_OTHER, current_session

Answer = Callable[[Engine, SignedOut], Response]


async def sign_out(request: Request, engine: Engine) -> Response:
    """End the session of this browser and go on to the IdP's sign-out."""
    if is_cross_site(request) and (session := await current_session(request, engine)):
        return _ask(engine, session, still=False)
    session_id = await _session_id(request, engine)
    return await _end(request, engine, session_id, _redirect)


async def sign_out_by_form(request: Request, engine: Engine) -> Response:
    """End the session on the order of a form of ours."""
    form = await read_form(request)
    session_id = await _session_id(request, engine)
    if session_id is not None:
        check_csrf(engine, request, session_id, form.get(FIELD, ""))
    return await _end(request, engine, session_id, _refresh)


async def show_signed_out(request: Request, engine: Engine) -> Response:
    """Say that nobody is signed in any more, if that is so; signing in again takes a click."""
    if session := await current_session(request, engine):
        return _ask(engine, session, still=True)
    return _signed_out_page(engine, SignedOut(ended=False))


def _ask(engine: Engine, session: Session, *, still: bool) -> Response:
    token = build_csrf_token(engine, session.id)
    return pages.render("confirm.html", **page_basics(engine), csrf_token=token, still=still)


async def _session_id(request: Request, engine: Engine) -> str | None:
    token = cookies.read_session_token(request)
    return await engine.session_id_of(token) if token else None


async def _end(request: Request, engine: Engine, session_id: str | None, answer: Answer) -> Response:
    signed_out = SignedOut(ended=False)
    try:
        if session_id is not None:
            signed_out = await engine.journey.sign_out(session_id, read_context(request), new_ticket(engine))
        response = answer(engine, signed_out)
    except OidcAuthError as error:
        # This browser forgets the session even when the store cannot be told.
        response = answer_error(engine, request, error)
    cookies.clear_session(response, engine, request)
    return response


def _redirect(engine: Engine, signed_out: SignedOut) -> Response:
    if signed_out.fields is not None:
        return _send(engine, signed_out)
    return RedirectResponse(signed_out.idp_logout_url or build_signed_out_uri(engine.base_url), SEE_OTHER)


def _refresh(engine: Engine, signed_out: SignedOut) -> Response:
    """Answer a form with a page that goes on by itself.

    Chromium holds the whole chain of redirects after a form against ``form-action``, and nobody can list where an IdP
    sends people on to. The address is in a header only: it may hold an ``id_token_hint``.
    """
    if signed_out.idp_logout_url is None:
        return _redirect(engine, signed_out)
    if signed_out.fields is not None:
        return _send(engine, signed_out)
    response = _signed_out_page(engine, signed_out)
    response.headers["Refresh"] = f"0; url={signed_out.idp_logout_url}"
    return response


def _send(engine: Engine, signed_out: SignedOut) -> Response:
    going_on = label_of(engine, signed_out.provider) or "the identity provider"
    text = f"You are signed out of {engine.site_name}. Now signing out at {going_on}\N{HORIZONTAL ELLIPSIS}"
    url, fields = signed_out.idp_logout_url or "", signed_out.fields or {}
    return pages.render_form(url, fields, {**page_basics(engine), "title": "You are signed out", "text": text})


def _signed_out_page(engine: Engine, signed_out: SignedOut) -> Response:
    going_on = label_of(engine, signed_out.provider) or "the identity provider" if signed_out.idp_logout_url else ""
    return pages.render("signed_out.html", **page_basics(engine), login_url=login_url(engine), going_on=going_on)
