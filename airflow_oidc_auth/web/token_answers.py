"""Tell a program why its token is not taken: RFC 6750 §3, RFC 9449 §7.1, and a stable code in the body."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from airflow_oidc_auth.errors import OidcAuthError, TokenRefused
from airflow_oidc_auth.login.outcome import Refused
from airflow_oidc_auth.login.rate_limits import RateLimited
from airflow_oidc_auth.web.answers import as_json
from airflow_oidc_auth.web.api_call import ApiCall
from airflow_oidc_auth.web.border import protect

RETRY_AFTER = "5"
FORBIDDEN, UNAVAILABLE = 403, 503


def challenge_headers(error: OidcAuthError) -> dict[str, str]:
    """Return the headers that go with a refusal: how to do better, or when to come again.

    Who is known and has no role is told ``insufficient_scope``: another token of the same kind would not help, and a
    client that gets 401 would fetch one after the other.
    """
    if isinstance(error, TokenRefused):
        return {"WWW-Authenticate": error.www_authenticate}
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after)}
    if error.status == UNAVAILABLE:
        return {"Retry-After": RETRY_AFTER}
    name = "insufficient_scope" if error.status == FORBIDDEN else "invalid_token"
    said = f'error="{name}", error_description="{error.code}: {error.message.text}"'
    return {"WWW-Authenticate": f'Bearer realm="airflow", {said}'}


def answer_refusal(call: ApiCall, error: OidcAuthError) -> Response:
    """Return the answer to a call that is not let in."""
    refused = Refused(error.code, call.correlation_id, hint=error.hint)
    response = as_json(refused, challenge_headers(error))
    protect(response.headers)
    return response


class RefusalInPlace:
    """Put our answer in the place of the bare one that core makes of a refused token.

    Core's body holds one line of text; each app (core's, FAB's, a plugin's) makes its own.
    """

    def __init__(self, call: ApiCall, scope: Scope, receive: Receive, send: Send) -> None:
        self._call, self._scope, self._receive, self._send = call, scope, receive, send
        self._replaced = False

    async def send(self, message: Message) -> None:
        """Pass a message of the answer on, or drop it because the answer is another one."""
        refusal = self._call.refusal
        if message["type"] == "http.response.start" and refusal and message["status"] == refusal.status:
            self._replaced = True
            await answer_refusal(self._call, refusal)(self._scope, self._receive, self._send)
        elif not self._replaced:
            await self._send(message)
