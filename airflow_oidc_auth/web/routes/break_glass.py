"""Open a break-glass link. A GET shows what it is and does nothing: previews and scanners follow addresses, too."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.login.outcome import Refused
from airflow_oidc_auth.web import cookies, pages
from airflow_oidc_auth.web.answers import answer_refused, page_basics
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.csrf import FIELD, build_csrf_token, check_csrf
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.my_access import describe_moment
from airflow_oidc_auth.web.query import read_form, read_query
from airflow_oidc_auth.web.routes.login import SEE_OTHER, current_session
from airflow_oidc_auth.web.zones import find_zone

PARAMETER = "link"


async def show_link(request: Request, engine: Engine) -> Response:
    """Say what the link would do, and ask."""
    token = read_query(request).get(PARAMETER, "")
    link = await engine.break_glass.look(token, read_context(request))
    if isinstance(link, Refused):
        return answer_refused(engine, request, link)
    zone = find_zone(request.cookies.get(cookies.ZONE_COOKIE))
    return pages.render(
        "break_glass.html",
        **page_basics(engine),
        link=link,
        token=token,
        expires=describe_moment(link.expires_at, engine.clock(), zone),
        replaced=await current_session(request, engine),
        csrf_token=build_csrf_token(engine, _bound_to(token)),
    )


async def use_link(request: Request, engine: Engine) -> Response:
    """Use the link up and sign in with it.

    The form must come from our own page: a link that somebody else made must not sign people in unasked.
    """
    form = await read_form(request)
    token = form.get(PARAMETER, "")
    check_csrf(engine, request, _bound_to(token), form.get(FIELD, ""))
    previous = await current_session(request, engine)
    outcome = await engine.break_glass.use(token, read_context(request), previous=previous)
    if isinstance(outcome, Refused):
        return answer_refused(engine, request, outcome)
    response = RedirectResponse(f"{engine.base_url}/", SEE_OTHER)
    cookies.set_session(response, engine, outcome.session, request)
    return response


def _bound_to(token: str) -> str:
    # No session has an id like this.
    return f"break-glass:{token}"
