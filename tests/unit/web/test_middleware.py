"""What happens around the whole API server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.web.cookies import TOKEN_SCOPE_KEY
from airflow_oidc_auth.web.middleware import AuthMiddleware
from airflow_oidc_auth.web.seen import CURRENT, note_left, note_session
from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Client, open_browser


class Inner:
    """The rest of the API server: remembers what it saw."""

    def __init__(self, error: Exception | None = None) -> None:
        self.scope: Scope = {}
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = dict(scope)
        if self._error:
            raise self._error
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def call(
    path: str,
    headers: list[tuple[bytes, bytes]] | None = None,
    *,
    query: bytes = b"",
    root: str = "",
    inner: Inner | None = None,
) -> tuple[Inner, Scope, int]:
    inner = inner or Inner()
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": root,
        "query_string": query,
        "headers": headers or [],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        # An access log that writes at the start of the answer must not see the query either.
        if path.endswith("/auth/callback/okta"):
            assert scope["query_string"] == b""
        sent.append(message)

    asyncio.run(AuthMiddleware(inner)(scope, receive, send))
    return inner, scope, sent[0]["status"]


@pytest.mark.parametrize(
    ("path", "root"),
    [("/auth/callback/okta", ""), ("/data/auth/callback/okta", "/data"), ("/auth/callback/okta", "/data")],
)
def test_the_code_is_for_our_route_and_for_no_log(path: str, root: str) -> None:
    inner, outer, status = call(path, query=b"code=secret&state=x", root=root)
    assert status == 204
    assert inner.scope["query_string"] == b"code=secret&state=x"
    assert outer["query_string"] == b""


def test_the_code_is_hidden_even_when_the_route_falls() -> None:
    scope: Scope = {"type": "http", "path": "/auth/callback/okta", "query_string": b"code=secret", "headers": []}

    async def fall(*_: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(AuthMiddleware(fall)(scope, None, None))  # type: ignore[arg-type]
    assert scope["query_string"] == b""


@pytest.mark.parametrize("path", ["/auth/login", "/api/v2/dags", "/authors", "/"])
def test_other_queries_stay_as_they_are(path: str) -> None:
    _, outer, _ = call(path, query=b"next=/x")
    assert outer["query_string"] == b"next=/x"


@pytest.mark.parametrize("path", ["/auth/login", "/auth/callback/okta", "/auth/logout", "/auth"])
def test_on_our_paths_core_does_not_see_the_session_cookie(path: str) -> None:
    headers = [(b"cookie", b"a=1; _token=old; b=2"), (b"accept", b"*/*"), (b"cookie", b"_token=newer")]
    inner, _, _ = call(path, headers)
    assert inner.scope["headers"] == [(b"cookie", b"a=1; b=2"), (b"accept", b"*/*")]
    assert inner.scope[TOKEN_SCOPE_KEY] == "newer"


@pytest.mark.parametrize("path", ["/api/v2/dags", "/ui/auth/me", "/authors", "/execution/auth/x", "/"])
def test_on_other_paths_nothing_is_touched(path: str) -> None:
    headers = [(b"cookie", b"a=1; _token=mine")]
    inner, _, _ = call(path, headers)
    assert inner.scope["headers"] == headers
    assert TOKEN_SCOPE_KEY not in inner.scope


@pytest.mark.parametrize(
    "cookie", [b"", b";;;", b"_token", b"_token=", b"=x", b"\xff=\xfe", b"x_token=1", b"_tokens=1", b'_token="quoted"']
)
def test_odd_cookie_headers_pass(cookie: bytes) -> None:
    inner, _, status = call("/auth/login", [(b"cookie", cookie)])
    assert status == 204
    assert inner.scope[TOKEN_SCOPE_KEY] in (None, "", "quoted")


@pytest.mark.parametrize("path", ["/api/v2/dags", "/auth/token", "/execution/x"])
def test_two_authorization_headers_are_refused(path: str) -> None:
    inner, _, status = call(path, [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")])
    assert status == 401
    assert inner.scope == {}
    assert call(path, [(b"authorization", b"Bearer a")])[2] == 204


def test_a_store_that_is_down_is_503_and_not_a_stack_trace() -> None:
    assert call("/ui/auth/me", inner=Inner(SessionError("session_store_unavailable")))[2] == 503


def noted(
    path: str,
    headers: list[tuple[bytes, bytes]],
    *,
    method: str = "GET",
    root: str = "",
    session_id: str | None = "s1",
    error: Exception | None = None,
) -> list[tuple[str, str, str, bool]]:
    """Return what the middleware told of a request whose session came out inside, in a task of its own."""
    told: list[tuple[str, str, str, bool]] = []

    async def core(scope: Scope, receive: Receive, send: Send) -> None:
        if session_id:
            await asyncio.create_task(asyncio.to_thread(note_session, session_id, "p"))
        if error:
            raise error
        await Inner()(scope, receive, send)

    def note(session_id: str, path: str, method: str, *, navigation: bool) -> None:
        told.append((session_id, path, method, navigation))

    async def send(message: Any) -> None:
        pass

    scope = {"type": "http", "method": method, "path": path, "root_path": root, "query_string": b"", "headers": headers}
    asyncio.run(AuthMiddleware(core, note_request=note)(scope, None, send))  # type: ignore[arg-type]
    assert CURRENT.get() is None
    return told


COOKIE = (b"cookie", b"_token=x")


def test_a_browsers_request_with_a_live_session_is_told() -> None:
    assert noted("/data/dags", [COOKIE], root="/data") == [("s1", "/dags", "GET", False)]
    assert noted("/dags", [COOKIE, (b"sec-fetch-mode", b"navigate")]) == [("s1", "/dags", "GET", True)]
    assert noted("/auth/access", [COOKIE], method="POST") == [("s1", "/auth/access", "POST", False)]


def test_a_program_with_a_token_of_a_session_is_no_activity_of_its_owner() -> None:
    assert noted("/api/v2/dags", [(b"authorization", b"Bearer x")]) == []
    assert noted("/api/v2/dags", [(b"authorization", b"Bearer x"), COOKIE]) == []


def test_a_request_without_a_live_session_is_not_told() -> None:
    assert noted("/dags", [COOKIE], session_id=None) == []
    assert noted("/dags", []) == []


DELETIONS = [b'_token=""; Path=/data; Max-Age=0', b'_token=""; Path=/; Max-Age=0', b"_token=; Max-Age=0"]
OTHERS = [b"_token=new; Path=/data", b"_tokens=; Max-Age=0", b'other=""; Max-Age=0']


def cookies_after(path: str, headers: list[tuple[bytes, bytes]], *, left: bool) -> list[bytes]:
    """Return the cookies that are set when core answers 401 as it does."""
    kept: list[bytes] = []

    async def core(scope: Scope, receive: Receive, send: Send) -> None:
        if left:
            await asyncio.create_task(asyncio.to_thread(note_left))
        answer = [(b"Set-Cookie", value) for value in [*DELETIONS, *OTHERS]]
        await send({"type": "http.response.start", "status": 401, "headers": answer})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        kept.extend(value for name, value in message.get("headers", []) if name.lower() == b"set-cookie")

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    asyncio.run(AuthMiddleware(core, note_request=lambda *_, **__: None)(scope, None, send))  # type: ignore[arg-type]
    return kept


@pytest.mark.parametrize("path", ["/ui/auth/me", "/api/v2/auth/login", "/api/v2/auth/logout", "/auth/fab/v1/users"])
def test_core_does_not_delete_the_cookie_of_somebody_who_is_signing_out(path: str) -> None:
    assert cookies_after(path, [COOKIE], left=True) == OTHERS


def test_core_deletes_every_other_cookie_and_we_delete_what_we_like() -> None:
    everything = [*DELETIONS, *OTHERS]
    assert cookies_after("/ui/auth/me", [COOKIE], left=False) == everything
    assert cookies_after("/auth/login", [COOKIE], left=True) == everything
    assert cookies_after("/ui/auth/me", [(b"authorization", b"Bearer x"), COOKIE], left=True) == everything


def test_a_request_that_is_closed_out_shows_a_person_a_page_and_a_program_json() -> None:
    with open_browser() as browser:
        root = AuthMiddleware(Inner(SessionError("revocations_stale")), source=lambda: browser.engine)
        page = Client(root).request("GET", f"{BASE_URL}/dags", headers={"accept": "text/html"})  # type: ignore[arg-type]
        told = Client(root).request("GET", f"{BASE_URL}/ui", headers={"accept": "application/json"})  # type: ignore[arg-type]
    assert (page.status_code, told.status_code) == (503, 503)
    assert "Airflow is closed for the moment" in page.text
    assert told.json()["error"] == "revocations_stale"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert (page.headers["cache-control"], page.headers["retry-after"]) == ("no-store", "5")


def test_lifespan_and_websockets_pass() -> None:
    seen = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    for kind in ("lifespan", "websocket"):
        asyncio.run(AuthMiddleware(inner)({"type": kind}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan", "websocket"]
