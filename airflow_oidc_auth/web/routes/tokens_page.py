"""Revoke a token of one's own, from the page "my access"; an officer revokes others' on the sessions page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.login.session_office import BY_USER, Order
from airflow_oidc_auth.sessions.administration import is_reference
from airflow_oidc_auth.web.answers import answer_code
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.csrf import FIELD, check_csrf
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.query import read_form
from airflow_oidc_auth.web.routes.login import SEE_OTHER, current_session


async def revoke_own_token(request: Request, engine: Engine) -> Response:
    """End the token that the form names, if it belongs to the person whose session sends it."""
    form = await read_form(request)
    session = await current_session(request, engine)
    if session is None:
        return answer_code(engine, request, "not_signed_in", {"WWW-Authenticate": 'Bearer realm="airflow"'})
    check_csrf(engine, request, session.id, form.get(FIELD, ""))
    reference = form.get("token", "")
    if not is_reference(reference):
        return answer_code(engine, request, "token_not_found")
    # What the form names only narrows: nobody can name a token of somebody else.
    order = Order(session.name, session.principal_id, "", BY_USER)
    gone = await engine.token_desk.revoke(reference, order, read_context(request), owner=session.principal_id)
    if not gone:
        return answer_code(engine, request, "token_not_found")
    return RedirectResponse(f"{engine.base_url}/auth/access?revoked={gone}#tokens", SEE_OTHER)
