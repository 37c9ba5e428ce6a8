"""What the middleware reads of a program's call, and what it refuses before anybody else reads it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProviderError, TokenRefused
from airflow_oidc_auth.web.api_call import CALL, ApiCall
from airflow_oidc_auth.web.middleware import AuthMiddleware
from airflow_oidc_auth.web.token_answers import challenge_headers
from airflow_oidc_auth.web.token_header import MAX_TOKEN, read_call


def scope_of(*headers: tuple[bytes, bytes], path: str = "/api/v2/dags", **changes: Any) -> Scope:
    return {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": list(headers), **changes}


def read(*headers: tuple[bytes, bytes], **changes: Any) -> ApiCall | None:
    return read_call(scope_of(*headers, **changes), lambda: "https://airflow.example/data")


def auth(value: str) -> tuple[bytes, bytes]:
    return (b"authorization", value.encode("latin-1"))


@pytest.mark.parametrize(
    ("value", "scheme", "token"),
    [
        ("Bearer abc", "bearer", "abc"),
        ("BEARER  abc ", "bearer", "abc"),
        ("DPoP a.b-c_~+/==", "dpop", "a.b-c_~+/=="),
        ("Basic YTpi", "basic", ""),
        ("Negotiate a b c", "negotiate", ""),
    ],
)
def test_the_scheme_and_the_token_are_kept(value: str, scheme: str, token: str) -> None:
    call = read(auth(value))
    assert call is not None
    assert (call.scheme, call.token) == (scheme, token)


def test_core_reads_bearer_whatever_the_scheme_was() -> None:
    scope = scope_of((b"accept", b"*/*"), auth("DPoP  abc"))
    read_call(scope, lambda: "")
    assert scope["headers"] == [(b"accept", b"*/*"), (b"authorization", b"Bearer abc")]
    basic = scope_of(auth("Basic  YTpi"))
    read_call(basic, lambda: "")
    assert basic["headers"] == [auth("Basic  YTpi")]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([auth("Bearer a"), auth("Bearer a")], "token_repeated"),
        ([auth("Basic a"), auth("Bearer a")], "token_repeated"),
        ([auth("Bearer")], "token_malformed"),
        ([auth("Bearer a b")], "token_malformed"),
        ([auth("Bearer a,Bearer b")], "token_malformed"),
        ([auth("Bearer é")], "token_malformed"),
        ([auth("Bearer a\tb")], "token_malformed"),
        ([auth('Bearer "a"')], "token_malformed"),
        ([auth("Bearer " + "a" * (MAX_TOKEN + 1))], "token_too_large"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(headers: list[tuple[bytes, bytes]], code: str) -> None:
    with pytest.raises(TokenRefused) as raised:
        read(*headers)
    assert raised.value.code == code


def test_nobody_calls_without_a_header() -> None:
    assert read((b"cookie", b"_token=x")) is None
    only_proof = read((b"dpop", b"p"))
    assert only_proof is not None
    assert (only_proof.scheme, only_proof.token, only_proof.proofs) == ("", "", ("p",))


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "https://airflow.example/data/api/v2/dags"),
        ({"path": "/data/api/v2/dags", "root_path": "/data"}, "https://airflow.example/data/api/v2/dags"),
        ({"path": "/api/a b", "raw_path": b"/api/a%20b"}, "https://airflow.example/data/api/a%20b"),
        ({"path": "/api/a b"}, "https://airflow.example/data/api/a%20b"),
        ({"raw_path": b"/api/v2/dags?x=1"}, "https://airflow.example/data/api/v2/dags"),
    ],
)
def test_the_address_is_what_base_url_says(changes: dict[str, Any], url: str) -> None:
    call = read(auth("DPoP a"), (b"host", b"evil.example"), (b"x-forwarded-host", b"evil.example"), **changes)
    assert call is not None
    assert call.url == url


def answer(
    app: Any, *headers: tuple[bytes, bytes], note: Any = None, **changes: Any
) -> tuple[list[dict[str, Any]], list[Any]]:
    sent: list[dict[str, Any]] = []
    noted: list[Any] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def keep(call: ApiCall, refusal: OidcAuthError) -> None:
        noted.append((call.scheme, refusal.code))

    middleware = AuthMiddleware(app, note_refusal=keep)
    asyncio.run(middleware(scope_of(*headers, **changes), None, send))  # type: ignore[arg-type]
    return sent, noted


async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
    """Be core, which answers with one line of its own."""
    call = CALL.get()
    assert call is not None
    call.refusal = TokenRefused("token_audience")
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b'{"detail":"x"}', "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def test_our_answer_stands_in_the_place_of_cores() -> None:
    sent, noted = answer(refusing, auth("Bearer a"))
    assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
    assert dict(sent[0]["headers"])[b"www-authenticate"].startswith(b"Bearer ")
    assert b'"error":"token_audience"' in sent[1]["body"]
    assert noted == [("bearer", "token_audience")]
    assert CALL.get() is None


async def passing(scope: Scope, receive: Receive, send: Send) -> None:
    call = CALL.get()
    if call is not None:
        call.refusal = TokenRefused("token_audience")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"public"})


def test_an_answer_that_is_no_refusal_stays() -> None:
    sent, _ = answer(passing, auth("Bearer a"))
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"public")


def test_a_cookie_that_repeats_the_token_is_taken_away_and_others_stay() -> None:
    seen: list[Any] = []

    async def core(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["headers"])

    answer(core, auth("Bearer abc"), (b"cookie", b"a=1; _token=abc"))
    answer(core, auth("Bearer abc"), (b"cookie", b"a=1; _token=session"))
    assert seen[0] == [auth("Bearer abc"), (b"cookie", b"a=1")]
    assert seen[1] == [auth("Bearer abc"), (b"cookie", b"a=1; _token=session")]


@pytest.mark.parametrize(
    ("path", "query", "refused"),
    [
        ("/api/v2/dags", b"access_token=x", True),
        ("/ui/auth/me", b"a=1&jwt=x", True),
        ("/api/v2/dags", b"access_toke%6e=x", True),
        ("/auth/access", b"ACCESS_TOKEN", True),
        ("/data/api/v2/dags", b"access_token=x", True),
        ("/api/v2/dags", b"my_access_token=x&tag=jwt", False),
        ("/my-plugin/hook", b"access_token=x", False),
        ("/static/x", b"jwt=x", False),
    ],
)
def test_a_token_in_the_address_of_the_api_is_refused_and_blanked(path: str, query: bytes, refused: bool) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = scope_of(path=path, query_string=query, root_path="/data" if path.startswith("/data") else "")
    asyncio.run(AuthMiddleware(passing)(scope, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == (401 if refused else 200)
    assert scope["query_string"] == (b"" if refused else query)


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (TokenRefused("token_expired"), "WWW-Authenticate", 'Bearer realm="airflow", error="invalid_token"'),
        (TokenRefused("dpop_replayed"), "WWW-Authenticate", 'DPoP realm="airflow", error="invalid_dpop_proof"'),
        (TokenRefused("token_scope"), "WWW-Authenticate", 'Bearer realm="airflow", error="insufficient_scope"'),
        (LoginRefused("token_no_role"), "WWW-Authenticate", 'Bearer realm="airflow", error="insufficient_scope"'),
        (ProviderError("token_issuer_unavailable"), "Retry-After", "5"),
        (ProviderError("token_check_busy"), "Retry-After", "5"),
    ],
)
def test_each_refusal_says_how_to_do_better(error: OidcAuthError, header: str, value: str) -> None:
    headers = challenge_headers(error)
    assert list(headers) == [header]
    assert headers[header].startswith(value)
    assert headers[header].isascii()
    assert f"{error.code}: {error.message.text}" in headers[header] or header == "Retry-After"
