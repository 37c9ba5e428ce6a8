"""Tokens for programs (:mod:`airflow_oidc_auth.login.token_grants`): parse, ask, answer. No cookie is looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from airflow_oidc_auth.login.token_errors import TokenDenied, TokenError
from airflow_oidc_auth.login.token_grants import Granted, TokenCall
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.oauth_answers import NOT_KEPT, answer_error, answer_token
from airflow_oidc_auth.web.oauth_form import read_oauth_form

Exchange = Callable[[Mapping[str, str], TokenCall], Awaitable[Granted | TokenError]]


async def issue_token(request: Request, engine: Engine) -> Response:
    """``POST /auth/token``: token exchange, jwt-bearer, client_credentials, Swagger UI's password form."""
    return await _exchange(request, engine, "/auth/token", engine.token_grants.exchange)


async def issue_cli_token(request: Request, engine: Engine) -> Response:
    """``POST /auth/token/cli``: for whoever signed in at a terminal."""
    return await _exchange(request, engine, "/auth/token/cli", engine.token_grants.exchange_cli)


async def show_cli(request: Request, engine: Engine) -> Response:
    """``GET /auth/token/cli``: where and as which client a terminal signs in. Public facts only."""
    return JSONResponse({"providers": engine.token_grants.cli.facts()})


async def revoke_token(request: Request, engine: Engine) -> Response:
    """``POST /auth/token/revoke`` (RFC 7009 §2): 200 also for what nobody knows."""
    grants = engine.token_grants
    call = _read_call(request, engine, "/auth/token/revoke")
    try:
        refused = await grants.revoke(await read_oauth_form(request), call)
    except TokenDenied as error:
        refused = await grants.note_malformed(error, call.context)
    return Response(headers=NOT_KEPT) if refused is None else answer_error(refused)


async def _exchange(request: Request, engine: Engine, path: str, exchange: Exchange) -> Response:
    call = _read_call(request, engine, path)
    try:
        form = await read_oauth_form(request)
    except TokenDenied as error:
        return answer_error(await engine.token_grants.note_malformed(error, call.context))
    return answer_token(await exchange(form, call))


def _read_call(request: Request, engine: Engine, path: str) -> TokenCall:
    return TokenCall(
        read_context(request),
        f"{engine.base_url}{path}",
        request.headers.get("authorization"),
        tuple(request.headers.getlist("dpop")),
    )
