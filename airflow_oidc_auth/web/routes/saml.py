"""The four addresses that a SAML IdP knows or sends browsers to.

The IdP hands its response over by a form of its own site (SAML Bindings §3.5), and with such a request browsers send no
cookie that is ``SameSite=Lax``: neither the attempt's nor the session's. No cookie is weakened for it. The answer to
that form is a page of ours that sends the same fields once more, from our own site and with the cookies; nothing is
kept in between, so nobody can fill our memory, any API server goes on, and what is verified is what came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.login.journey import build_signed_out_uri
from airflow_oidc_auth.login.outcome import Refused
from airflow_oidc_auth.providers.saml.bindings import LogoutMessage, Post, Redirect
from airflow_oidc_auth.web import cookies, pages
from airflow_oidc_auth.web.answers import answer_code, answer_refused, page_basics
from airflow_oidc_auth.web.context import correlation_id_of, read_context
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.logout_ticket import request_ids
from airflow_oidc_auth.web.query import read_form, read_query
from airflow_oidc_auth.web.return_address import choose_return_address
from airflow_oidc_auth.web.routes.callback import answer_outcome
from airflow_oidc_auth.web.routes.login import SEE_OTHER, current_session, go_to_idp

# 512 KB of XML in base64, with the characters that forms escape.
MAX_FORM_BYTES = 1024 * 1024
MAX_RELAY_STATE = 2000
METADATA_TYPE = "application/samlmetadata+xml"

_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


async def receive_response(request: Request, engine: Engine) -> Response:
    """Take the IdP's response and have the browser bring it again, with its cookies this time."""
    provider = request.path_params["provider"]
    if engine.journey.saml.find(provider) is None:
        return answer_code(engine, request, "provider_unknown")
    fields = _response_of(await read_form(request, MAX_FORM_BYTES))
    url = f"{engine.base_url}/auth/saml/{provider}/finish"
    text = f"Signing in to {engine.site_name}\N{HORIZONTAL ELLIPSIS}"
    return pages.render_form(url, fields, {**page_basics(engine), "title": "One moment", "text": text}, own=True)


async def finish_saml_login(request: Request, engine: Engine) -> Response:
    """Sign the person in and send them where their link pointed, or say why not."""
    provider = request.path_params["provider"]
    fields = _response_of(await read_form(request, MAX_FORM_BYTES))
    outcome = await engine.journey.complete_saml(
        provider,
        fields,
        read_context(request),
        unsolicited_next=_unsolicited_next(fields.get("RelayState", ""), engine, request),
        previous=await current_session(request, engine),
    )
    return answer_outcome(engine, request, outcome)


async def show_metadata(request: Request, engine: Engine) -> Response:
    """Show what to upload at the IdP."""
    metadata = await engine.journey.saml.metadata(request.path_params["provider"])
    if metadata is None:
        return answer_code(engine, request, "provider_unknown")
    return Response(metadata, media_type=METADATA_TYPE)


async def exchange_logout(request: Request, engine: Engine) -> Response:
    """Answer the IdP's LogoutRequest, or take its answer to ours.

    Needs no cookie: a request names the sessions that it ends, and an answer changes nothing.
    """
    message = await _logout_message(request)
    match sorted({"SAMLRequest", "SAMLResponse"} & message.parameters.keys()):
        case ["SAMLRequest"]:
            return await _end_for_idp(request, engine, message)
        case ["SAMLResponse"]:
            return await _finish_logout(request, engine, message)
        case found:
            raise ProtocolViolation("response_malformed", f"{len(found)} of SAMLRequest and SAMLResponse, not one")


async def _finish_logout(request: Request, engine: Engine, message: LogoutMessage) -> Response:
    relay_state = message.parameters.get("RelayState", "")
    provider, context = request.path_params["provider"], read_context(request)
    ids = request_ids(engine.csrf_keys, relay_state)
    await engine.journey.saml.finish_logout(provider, message, ids, context)
    # That page tells the truth, whatever came here: it looks whether somebody is signed in.
    return RedirectResponse(build_signed_out_uri(engine.base_url), SEE_OTHER)


async def _end_for_idp(request: Request, engine: Engine, message: LogoutMessage) -> Response:
    provider, context = request.path_params["provider"], read_context(request)
    if engine.journey.saml.find(provider) is None:
        return answer_refused(engine, request, Refused("provider_unknown", correlation_id_of(request)))
    answer, ended = await engine.journey.saml.end_for_idp(provider, message, context)
    response = _send_answer(engine, provider, answer)
    token = cookies.read_session_token(request)
    if token and await engine.session_id_of(token) in ended:
        cookies.clear_session(response, engine, request)
    return response


def _send_answer(engine: Engine, provider: str, answer: Redirect | Post) -> Response:
    return go_to_idp(engine, provider, answer.url, answer.fields if isinstance(answer, Post) else None)


async def _logout_message(request: Request) -> LogoutMessage:
    if request.method == "POST":
        return LogoutMessage(await read_form(request, MAX_FORM_BYTES))
    raw: bytes = request.scope["query_string"]
    return LogoutMessage(read_query(request), raw.decode("ascii"))


def _response_of(form: Mapping[str, str]) -> Mapping[str, str]:
    """Return the two fields that count; whatever else an IdP adds is not sent on.

    :raises ProtocolViolation: ``response_malformed`` or ``request_too_large``
    """
    response, relay_state = form.get("SAMLResponse", ""), form.get("RelayState", "")
    if not _BASE64.fullmatch(response):
        raise ProtocolViolation("response_malformed", "SAMLResponse is missing or no base64")
    if len(relay_state) > MAX_RELAY_STATE:
        raise ProtocolViolation("request_too_large", f"RelayState of {len(relay_state)} characters")
    return {"SAMLResponse": response, "RelayState": relay_state}


def _unsolicited_next(relay_state: str, engine: Engine, request: Request) -> str:
    """Return where the RelayState of an IdP-initiated sign-in points, if that is a place here; else home."""
    home = f"{engine.base_url}/"
    if not relay_state.startswith((home, "/")):
        return home
    try:
        return choose_return_address(relay_state, engine, request)
    except ProtocolViolation:
        return home
