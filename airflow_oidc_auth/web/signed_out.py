"""The pages of a sign-out, and what they leave in the browser.

Until another document is there, Airflow's own page is alive, and its next request may turn it to the sign-in, which
overtakes the sign-out. So a sign-out begins with a page of ours that touches nothing and goes on by itself: what is
overtaken before it is there can be finished as if nothing had happened, and after it there is nobody to overtake.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.login.journey import build_signed_out_uri
from airflow_oidc_auth.login.outcome import SignedOut
from airflow_oidc_auth.web import cookies, pages
from airflow_oidc_auth.web.answers import label_of, login_url, page_basics
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.logout_ticket import new_ticket

SEE_OTHER = 303
NOW = "now"


def show_leaving(engine: Engine) -> Response:
    """Answer at once, with a page that goes on to sign out; no cookie changes, and the click needs no script."""
    url = f"{engine.base_url}/auth/logout?{NOW}=1"
    return pages.render("leaving.html", 200, {"Refresh": f"0; url={url}"}, **page_basics(engine), logout_url=url)


def answer_signed_out(engine: Engine, request: Request, signed_out: SignedOut) -> Response:
    """Send the browser on to sign out at the IdP, or to our page that says that it is done."""
    if signed_out.idp_logout_url is None:
        response: Response = RedirectResponse(build_signed_out_uri(engine.base_url), SEE_OTHER)
    else:
        response = _go_on(engine, signed_out, "")
    if signed_out.provider is not None:
        cookies.set_left(response, engine, request)
    return response


async def answer_overtaken(engine: Engine, request: Request, next_url: str) -> Response | None:
    """Finish the sign-out that this sign-in has overtaken; None if there is none.

    :param next_url: where the person wanted to go; signing in again takes a click
    :raises SessionError: the session cannot be read
    """
    signed_out = await _find_overtaken(engine, request)
    if signed_out is None:
        return None
    response = _go_on(engine, signed_out, next_url)
    cookies.clear_session(response, engine, request)
    # A minute, however often other pages ask.
    if cookies.LEFT_COOKIE not in request.cookies:
        cookies.set_left(response, engine, request)
    return response


def show_signed_out(engine: Engine) -> Response:
    """Say that nobody is signed in any more."""
    return _page(engine, SignedOut(ended=False), "")


async def _find_overtaken(engine: Engine, request: Request) -> SignedOut | None:
    token = cookies.read_session_token(request)
    session_id = await engine.left_session_id_of(token) if token else None
    if session_id is not None:
        resume = engine.journey.sign_outs.resume
        if signed_out := await resume(session_id, read_context(request), new_ticket(engine)):
            return signed_out
    # The page that signed out is on its way to the IdP; another one that goes there, too, could make its form void.
    return SignedOut(ended=False) if cookies.LEFT_COOKIE in request.cookies else None


def _go_on(engine: Engine, signed_out: SignedOut, next_url: str) -> Response:
    """Answer with a page that goes on by itself, if there is somewhere to go.

    Chromium holds the whole chain of redirects after a form against ``form-action``, and nobody can list where an IdP
    sends people on to. The address is in a header only: it may hold an ``id_token_hint``.
    """
    if signed_out.fields is not None:
        return _send(engine, signed_out)
    response = _page(engine, signed_out, next_url)
    if signed_out.idp_logout_url is not None:
        response.headers["Refresh"] = f"0; url={signed_out.idp_logout_url}"
    return response


def _send(engine: Engine, signed_out: SignedOut) -> Response:
    idp = _idp(engine, signed_out)
    text = f"You are signed out of {engine.site_name}. Now signing out at {idp}\N{HORIZONTAL ELLIPSIS}"
    url, fields = signed_out.idp_logout_url or "", signed_out.fields or {}
    return pages.render_form(url, fields, {**page_basics(engine), "title": "You are signed out", "text": text})


def _page(engine: Engine, signed_out: SignedOut, next_url: str) -> Response:
    going_on = _idp(engine, signed_out) if signed_out.idp_logout_url else ""
    again = login_url(engine, next_url=next_url, again=True)
    return pages.render("signed_out.html", **page_basics(engine), login_url=again, going_on=going_on)


def _idp(engine: Engine, signed_out: SignedOut) -> str:
    return label_of(engine, signed_out.provider) or "the identity provider"
