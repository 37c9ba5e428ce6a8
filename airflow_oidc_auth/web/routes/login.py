"""Begin a sign-in: the chooser, or straight to the only provider; but not for who is signing out at this moment."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.login.outcome import Refused
from airflow_oidc_auth.login.step_up import StepUpWish
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web import cookies, pages
from airflow_oidc_auth.web.answers import Link, answer_refused, label_of, login_url, page_basics
from airflow_oidc_auth.web.context import correlation_id_of, read_context
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.query import read_query
from airflow_oidc_auth.web.return_address import choose_return_address
from airflow_oidc_auth.web.signed_out import answer_overtaken

SEE_OTHER = 303


async def show_login(request: Request, engine: Engine) -> Response:
    """Send the browser on if it is signed in, to the only provider, or to the choice of several."""
    query = read_query(request)
    target = choose_return_address(query.get("next"), engine, request)
    again = query.get("again") == "1"
    if await current_session(request, engine) is not None:
        return RedirectResponse(target, SEE_OTHER)
    if not again and (finished := await answer_overtaken(engine, request, target)):
        return finished
    if cookies.ARRIVED_COOKIE in request.cookies:
        return _answer_lost_session(engine, request, target)
    if len(engine.providers) == 1:
        return await _begin(engine, request, engine.providers[0].id, target)
    return _choose(engine, target, again=again)


async def begin_login(request: Request, engine: Engine) -> Response:
    """Begin a sign-in with the provider of the path.

    ``account=other`` has the IdP ask who it is, ``fresh=1`` has it ask for a proof again, ``step_up`` for what the
    rule of that name needs. ``again=1`` is the click of somebody who has signed out.
    """
    query = read_query(request)
    target = choose_return_address(query.get("next"), engine, request)
    provider = request.path_params["provider"]
    other, fresh = query.get("account") == "other", query.get("fresh") == "1"
    if query.get("again") != "1" and (finished := await answer_overtaken(engine, request, target)):
        return finished
    wish = await _step_up_wish(request, engine, provider, query.get("step_up"))
    return await _begin(engine, request, provider, target, other_account=other, reauthenticate=fresh, step_up=wish)


async def current_session(request: Request, engine: Engine) -> Session | None:
    """Return the session that Airflow, too, would see in this request."""
    token = cookies.read_session_token(request)
    return await engine.session_of(token) if token else None


async def _step_up_wish(request: Request, engine: Engine, provider: str, rule: str | None) -> StepUpWish | None:
    """Return the wish; somebody who is signed in there stays the same person."""
    if not rule:
        return None
    session = await current_session(request, engine)
    return StepUpWish(rule, session.principal_id if session and session.provider == provider else None)


async def _begin(
    engine: Engine,
    request: Request,
    provider: str,
    target: str,
    *,
    other_account: bool = False,
    reauthenticate: bool = False,
    step_up: StepUpWish | None = None,
) -> Response:
    context = read_context(request)
    begun = await engine.journey.begin(
        provider, target, context, other_account=other_account, reauthenticate=reauthenticate, step_up=step_up
    )
    if isinstance(begun, Refused):
        return answer_refused(engine, request, begun)
    response = go_to_idp(engine, provider, begun.authorization_url, begun.fields)
    spent = [cookies.LEFT_COOKIE] if cookies.LEFT_COOKIE in request.cookies else []
    cookies.clear_own(response, engine, [*begun.dropped, *spent], request)
    cookies.set_own(response, engine, begun.cookie, request)
    return response


def go_to_idp(engine: Engine, provider: str, url: str, fields: Mapping[str, str] | None) -> Response:
    """Send the browser to the IdP by redirect, or with a form (SAML Bindings §3.5)."""
    if fields is None:
        return RedirectResponse(url, SEE_OTHER)
    text = f"Going on to {label_of(engine, provider) or 'the identity provider'}\N{HORIZONTAL ELLIPSIS}"
    return pages.render_form(url, fields, {**page_basics(engine), "title": "One moment", "text": text})


def _choose(engine: Engine, target: str, *, again: bool) -> Response:
    choices = [
        Link(choice.label, login_url(engine, choice.id, next_url=target, again=again)) for choice in engine.providers
    ]
    return pages.render("chooser.html", **page_basics(engine), choices=choices)


def _answer_lost_session(engine: Engine, request: Request, target: str) -> Response:
    refused = Refused("session_not_kept", correlation_id_of(request), next_url=target)
    response = answer_refused(engine, request, refused)
    cookies.clear_session(response, engine, request)
    return response
