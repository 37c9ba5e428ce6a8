"""What must happen around the whole API server, not only in our sub-app. Plain ASGI.

* Authorization codes, SAML messages and break-glass tokens never reach an access log: whoever logs the request after us
  sees no query.
* On our paths the session cookie is ours to judge. Core's refreshing middleware would meet a stale one, answer with a
  cookie that deletes it, and so delete the new one that the callback has just set.
* Core's middleware also deletes the cookie of somebody who is just signing out, as soon as the page that is still open
  asks for anything: the sign-out would then not know whom to sign out. That deletion is taken back; ours follows.
* The call of a program is kept beside the request (:mod:`~airflow_oidc_auth.web.api_call`): core reads the scheme
  Bearer only, and knows no proof of possession. A refused token is answered in one shape, whoever found it out.
* A request that names two things loses the one that it is not about (:mod:`~airflow_oidc_auth.web.one_subject`).
* A list that shows a part of DAGs which core does not ask about is kept beside the request
  (:mod:`~airflow_oidc_auth.web.shown_parts`).
* A 403 after a decision of ours carries a reference that leads to the rule (:mod:`~airflow_oidc_auth.web.denials`).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_oidc_auth.errors import OidcAuthError, TokenRefused
from airflow_oidc_auth.login.outcome import Refused
from airflow_oidc_auth.web.answers import answer_refused, as_json
from airflow_oidc_auth.web.api_call import CALL, ApiCall, NoteRefusal, path_below_root
from airflow_oidc_auth.web.border import protect
from airflow_oidc_auth.web.context import correlation_id_of
from airflow_oidc_auth.web.cookies import SESSION_COOKIE, TOKEN_SCOPE_KEY
from airflow_oidc_auth.web.denials import answer_traceably
from airflow_oidc_auth.web.engine import EngineSource
from airflow_oidc_auth.web.one_subject import PlaceOf, name_one_subject
from airflow_oidc_auth.web.seen import CURRENT, NoteRequest, Seen
from airflow_oidc_auth.web.shown_parts import note_parts
from airflow_oidc_auth.web.token_answers import RETRY_AFTER, UNAVAILABLE, RefusalInPlace, answer_refusal
from airflow_oidc_auth.web.token_header import check_query, read_call

NAVIGATION = (b"sec-fetch-mode", b"navigate")
PREFIX = "/auth"
# The IdP's name of a session opens nothing, but whoever knows it can end that session.
CALLBACK_PREFIXES = (
    f"{PREFIX}/callback/",
    f"{PREFIX}/saml/",
    f"{PREFIX}/break-glass",
    f"{PREFIX}/frontchannel-logout/",
)
# FAB's REST API asks core who the user is, as all of Airflow's does.
CORE_PREFIXES = (f"{PREFIX}/fab/",)


class AuthMiddleware:
    """Wrap the API server; give it to Airflow through ``get_fastapi_middlewares``.

    :param source: the running engine, for pages that say what is wrong
    :param note_request: hears of browsers' requests with a live session; must not wait for anything
    :param note_refusal: hears of calls whose token was refused
    :param place_of: tells where an option of Airflow's configuration stands that is called by an earlier name
    """

    def __init__(
        self,
        app: ASGIApp,
        source: EngineSource | None = None,
        note_request: NoteRequest | None = None,
        note_refusal: NoteRefusal | None = None,
        place_of: PlaceOf | None = None,
    ) -> None:
        self._app = app
        self._source = source
        self._note_request = note_request
        self._note_refusal = note_refusal
        self._place_of = place_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = path_below_root(scope)
        try:
            check_query(scope, path)
            call = read_call(scope, self._base_url)
        except TokenRefused as error:
            await self._refuse(error, scope, receive, send)
            return
        has_cookie = any(name == b"cookie" for name, _ in scope["headers"])
        own = path == PREFIX or (path.startswith(f"{PREFIX}/") and not path.startswith(CORE_PREFIXES))
        if own:
            _take_session_cookie(scope)
        inner = _hide_query(scope) if path.startswith(CALLBACK_PREFIXES) else scope
        # Other credentials are the proxy's in front of us: whose request it is, the cookie says.
        if call is not None and call.token:
            await self._answer_call(call, path, inner, receive, send)
        elif self._note_request is None or not has_cookie:
            await self._pass_on(inner, receive, send)
        else:
            await self._watch(self._note_request, path, inner, receive, send, own=own)

    async def _answer_call(self, call: ApiCall, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a program's call on, and tell what came out on the way: whose token was used, or why it was refused."""
        _drop_same_cookie(scope, call.token.encode("ascii"))
        send = RefusalInPlace(call, scope, receive, send).send
        before = CALL.set(call)
        try:
            await self._pass_on(scope, receive, send)
        finally:
            CALL.reset(before)
            if call.used is not None and self._note_request is not None:
                # No page polls with it: each call is a use.
                self._note_request(call.used, path, call.method, navigation=True)
            if call.refusal is not None and self._note_refusal is not None:
                await self._note_refusal(call, call.refusal)

    async def _refuse(self, error: TokenRefused, scope: Scope, receive: Receive, send: Send) -> None:
        call = ApiCall(scope, self._base_url)
        await answer_refusal(call, error)(scope, receive, send)
        if self._note_refusal is not None:
            await self._note_refusal(call, error)

    def _base_url(self) -> str:
        return self._source().base_url if self._source is not None else ""

    async def _watch(
        self, note: NoteRequest, path: str, scope: Scope, receive: Receive, send: Send, *, own: bool
    ) -> None:
        """Pass a browser's request on, and tell whose it was if that came out on the way."""
        seen = Seen()

        async def keeping(message: Message) -> None:
            if seen.has_left and message["type"] == "http.response.start":
                message["headers"] = [header for header in message["headers"] if not _deletes_session(header)]
            await send(message)

        before = CURRENT.set(seen)
        try:
            await self._pass_on(scope, receive, send if own else keeping)
        finally:
            CURRENT.reset(before)
            if seen.session_id is not None:
                note(seen.session_id, path, scope["method"], navigation=NAVIGATION in scope["headers"])

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with note_parts(scope):
                await answer_traceably(self._app, *name_one_subject(scope, receive, self._place_of), send)
        except OidcAuthError as error:
            # Raised while core asks who the user is or for a token, before anything was answered.
            await self._explain(error, scope)(scope, receive, send)

    def _explain(self, error: OidcAuthError, scope: Scope) -> Response:
        """Show a page to whoever opens one; most that asks core is a program, also the UI's own scripts."""
        request = Request(scope)
        refused = Refused(error.code, correlation_id_of(request), hint=error.hint)
        source = self._source if "text/html" in request.headers.get("accept", "") else None
        response = as_json(refused) if source is None else answer_refused(source(), request, refused)
        protect(response.headers)
        if response.status_code == UNAVAILABLE:
            response.headers["Retry-After"] = RETRY_AFTER
        return response


def _drop_same_cookie(scope: Scope, token: bytes) -> None:
    """Take a session cookie away that repeats the header's token: core's refreshing middleware must not judge it."""
    if any(name == b"cookie" and token in value for name, value in scope["headers"]):
        parts = [(name, _split_cookies(value)[0] if name == b"cookie" else value) for name, value in scope["headers"]]
        scope["headers"] = [(name, value) for name, value in parts if value]


def _hide_query(scope: Scope) -> Scope:
    """Return a copy that has the query, and blank it for everybody outside, at once and for good."""
    inner = dict(scope)
    scope["query_string"] = b""
    return inner


def _take_session_cookie(scope: Scope) -> None:
    """Move the session cookie from the headers into the scope, where only our routes look.

    Of several the last one counts, as for core; see ``read_session_token``.
    """
    token: str | None = None
    headers = []
    for name, value in scope["headers"]:
        if name != b"cookie":
            headers.append((name, value))
            continue
        rest, found = _split_cookies(value)
        token = found if found is not None else token
        if rest:
            headers.append((name, rest))
    scope["headers"] = headers
    scope[TOKEN_SCOPE_KEY] = token


def _deletes_session(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    cookie, _, rest = value.partition(b"=")
    return name.lower() == b"set-cookie" and cookie == SESSION_COOKIE.encode() and rest.startswith((b'""', b";"))


def _split_cookies(header: bytes) -> tuple[bytes, str | None]:
    token: str | None = None
    kept = []
    for part in header.split(b";"):
        name, _, value = part.partition(b"=")
        if name.strip() == SESSION_COOKIE.encode():
            token = value.strip().decode("latin-1").strip('"')
        elif part.strip():
            kept.append(part.strip())
    return b"; ".join(kept), token
