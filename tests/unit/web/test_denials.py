"""A 403 leads to the rule behind it: the reference in the answer is that of the log line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from airflow_oidc_auth.web.denials import note_denial
from airflow_oidc_auth.web.middleware import AuthMiddleware

FORBIDDEN = {"detail": "Forbidden"}


class Answered:
    """One answer, and what was said in the log."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.sent: list[Any] = []

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


def ask(answer: Response, *, deny: Callable[[Answered], None] | None = None) -> Answered:
    """Send a request through our middleware; ``deny`` runs on a thread, as core's checks do."""
    answered = Answered()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if deny is not None:
            await run_in_threadpool(deny, answered)
        await answer(scope, receive, send)

    async def send(message: Any) -> None:
        answered.sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/api/v2/dags/x", "query_string": b"", "headers": []}
    asyncio.run(AuthMiddleware(app)(scope, receive, send))
    return answered


def deny(answered: Answered) -> None:
    note_denial(answered.told.append)


def test_the_reference_is_in_header_body_and_log() -> None:
    answered = ask(JSONResponse(FORBIDDEN, 403), deny=deny)
    [reference] = answered.told
    assert answered.headers["x-correlation-id"] == reference
    assert json.loads(answered.body) == {"detail": f"Forbidden (reference {reference})"}
    assert answered.headers["content-length"] == str(len(answered.body))
    assert len(reference) == 16


class InPieces(JSONResponse):
    """An answer as Starlette's own middlewares pass it on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body[:9]), "more_body": True})
        await send({"type": "http.response.body", "body": bytes(self.body[9:]), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def test_a_body_that_comes_in_pieces_has_the_reference_too() -> None:
    answered = ask(InPieces(FORBIDDEN, 403), deny=deny)
    assert json.loads(answered.body) == {"detail": f"Forbidden (reference {answered.told[0]})"}
    assert answered.headers["content-length"] == str(len(answered.body))
    assert [message["type"] for message in answered.sent].count("http.response.start") == 1


def test_an_answer_that_is_longer_than_it_says_is_passed_on_whole() -> None:
    long = InPieces({"detail": "x" * 500}, 403, headers={"content-length": "20"})
    assert ask(long, deny=deny).body == long.body


def test_what_was_denied_and_answered_otherwise_is_not_told() -> None:
    answered = ask(JSONResponse({"dags": []}), deny=deny)
    assert (answered.told, "x-correlation-id" in answered.headers) == ([], False)


def test_a_403_of_somebody_else_is_left_alone() -> None:
    answered = ask(JSONResponse(FORBIDDEN, 403))
    assert (json.loads(answered.body), "x-correlation-id" in answered.headers) == (FORBIDDEN, False)


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"detail": "Invalid JWT token"}, 403),
        JSONResponse({"detail": "Forbidden", "more": 1}, 403),
        JSONResponse({"detail": ["x" * 500]}, 403),
        Response(b"{no json", 403, media_type="application/json"),
        Response("Forbidden", 403, media_type="text/plain"),
        Response(None, 403),
        StreamingResponse(iter([b'{"detail":', b'"Forbidden"}']), 403, media_type="application/json"),
    ],
)
def test_another_body_stays_as_it_is_and_the_header_says_it(answer: Response) -> None:
    answered = ask(answer, deny=deny)
    expected = getattr(answer, "body", b'{"detail":"Forbidden"}')
    assert (answered.body, answered.headers["x-correlation-id"]) == (expected, answered.told[0])


def test_the_last_denial_counts_and_is_told_once() -> None:
    def twice(answered: Answered) -> None:
        note_denial(lambda reference: answered.told.append(f"first {reference}"))
        note_denial(lambda reference: answered.told.append(f"second {reference}"))

    [told] = ask(JSONResponse(FORBIDDEN, 403), deny=twice).told
    assert told.startswith("second ")


def test_a_denial_does_not_wait_for_the_next_request() -> None:
    first = ask(JSONResponse({}), deny=deny)
    second = ask(JSONResponse(FORBIDDEN, 403))
    assert first.told == second.told == []


def test_a_denial_outside_of_a_request_is_nobodys() -> None:
    told: list[str] = []
    note_denial(told.append)
    assert (ask(JSONResponse(FORBIDDEN, 403)).told, told) == ([], [])
