"""Answers of the token endpoint: RFC 6749 §5, RFC 8693 §2.2, RFC 9449 §5."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.token_errors import INVALID_REQUEST, UNAUTHORIZED, TokenError
from airflow_oidc_auth.login.token_form import spell_scope
from airflow_oidc_auth.login.token_grants import Granted
from airflow_oidc_auth.web.context import correlation_id_of

# §5.1: for whatever cache there is on the way, however old.
NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def answer_token(answer: Granted | TokenError) -> Response:
    """Answer with a token, or say why there is none."""
    if isinstance(answer, TokenError):
        return answer_error(answer)
    session = answer.issued.session
    content = {
        "access_token": answer.issued.token,
        "issued_token_type": answer.issued_token_type,
        "token_type": "DPoP" if session.jkt else "Bearer",
        "expires_in": answer.issued.expires_in,
        "scope": spell_scope(session.grant.roles),
    }
    return JSONResponse(content, headers=NOT_KEPT)


def answer_other_method(request: Request, allowed: str) -> Response:
    """Answer 405 to a program (RFC 6749 §3.2: the client must use POST).

    :param allowed: value of the ``Allow`` header
    """
    error = OidcAuthError("method_not_allowed")
    said = f"{error.message.text} Use {allowed}."
    response = answer_error(TokenError(INVALID_REQUEST, said, error.code, error.status, correlation_id_of(request)))
    response.headers["Allow"] = allowed
    return response


def answer_error(error: TokenError) -> Response:
    """Answer an OAuth error (RFC 6749 §5.2); ``code`` is ours, for people."""
    content = {
        "error": error.error,
        "error_description": error.description,
        "code": error.code,
        "correlation_id": error.correlation_id,
    }
    headers = dict(NOT_KEPT)
    if error.status == UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="airflow"'
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return JSONResponse(content, status_code=error.status, headers=headers)
