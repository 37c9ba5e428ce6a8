"""Finish a sign-in: the authorization response of the IdP."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.login.outcome import Refused, SignedIn
from airflow_oidc_auth.web import cookies
from airflow_oidc_auth.web.answers import answer_refused
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.query import read_query
from airflow_oidc_auth.web.routes.login import SEE_OTHER, current_session


async def finish_login(request: Request, engine: Engine) -> Response:
    """Sign the person in and send them where their link pointed, or say why not."""
    provider, response = request.path_params["provider"], read_query(request)
    previous = await current_session(request, engine)
    outcome = await engine.journey.complete(provider, response, read_context(request), previous=previous)
    return answer_outcome(engine, request, outcome)


def answer_outcome(engine: Engine, request: Request, outcome: SignedIn | Refused) -> Response:
    """Hand the browser its session and send it on, or say why not."""
    if isinstance(outcome, Refused):
        return answer_refused(engine, request, outcome)
    answer = RedirectResponse(outcome.next_url, SEE_OTHER)
    if outcome.spent:
        cookies.clear_own(answer, engine, [outcome.spent], request)
    cookies.set_session(answer, engine, outcome.session, request)
    return answer
