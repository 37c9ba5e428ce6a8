"""A 403 that an administrator can follow to the rule behind it: a reference in the answer, and one log line with it.

Whoever answers Airflow's question with no leaves here what would be said about it; only an answer with status 403 has
it said. Filters and menus say no all day long, and nobody is turned away by them.

    decision says no ──note_denial(tell)──▶ slot of the request ──answer is 403──▶ tell(reference), header, body
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REFERENCE_HEADER = "X-Correlation-Id"
FORBIDDEN = 403
MAX_BODY = 64
"""Bytes; core's whole body is ``{"detail":"Forbidden"}``, and nothing larger is held back."""

Tell = Callable[[str], None]
"""Says in the log, once, what was denied and why; takes the reference. Never raises."""


class Denials:
    """What the request in hand was denied last; decisions run on other threads, which see the same object."""

    __slots__ = ("tell",)

    def __init__(self) -> None:
        self.tell: Tell | None = None


CURRENT: ContextVar[Denials | None] = ContextVar("airflow_oidc_auth_denials", default=None)


def note_denial(tell: Tell) -> None:
    """Keep what would be said if the request in hand ends with 403; the last one counts. Nothing without a request."""
    slot = CURRENT.get()
    if slot is not None:
        slot.tell = tell


async def answer_traceably(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the app answer; give a 403 that follows a denial its reference."""
    slot = Denials()
    answer = _Answer(slot, scope, send)
    before = CURRENT.set(slot)
    try:
        await app(scope, receive, answer.send)
    finally:
        CURRENT.reset(before)
    if answer.denied and slot.tell is not None:
        slot.tell(answer.reference)


class _Answer:
    """The answer on its way out; the head of a short 403 waits for its body, whose length will change."""

    __slots__ = ("_body", "_head", "_scope", "_send", "_slot", "denied")

    def __init__(self, slot: Denials, scope: Scope, send: Send) -> None:
        self._slot, self._scope, self._send = slot, scope, send
        self._head: Message | None = None
        self._body = b""
        self.denied = False

    @property
    def reference(self) -> str:
        from airflow_oidc_auth.web.context import correlation_id_of  # brings the whole journey along

        return correlation_id_of(Request(self._scope))

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if self._head is not None and message["type"] == "http.response.body":
            await self._collect(self._head, message)
        elif message["type"] == "http.response.start" and message["status"] == FORBIDDEN and self._slot.tell:
            await self._begin(message)
        else:
            await self._send(message)

    async def _begin(self, head: Message) -> None:
        self.denied = True
        headers = MutableHeaders(scope=head)
        headers.setdefault(REFERENCE_HEADER, self.reference)
        length = headers.get("content-length", "")
        is_json = headers.get("content-type", "").partition(";")[0] == "application/json"
        if is_json and length.isdecimal() and int(length) <= MAX_BODY:
            self._head = head
        else:
            await self._send(head)

    async def _collect(self, head: Message, message: Message) -> None:
        """Wait for the end: middlewares between core and us hand a body over in several messages."""
        self._body += message.get("body", b"")
        more = message.get("more_body", False)
        if more and len(self._body) <= MAX_BODY:
            return
        self._head = None
        if not more and (told := _with_reference(self._body, self.reference)):
            MutableHeaders(scope=head)["content-length"] = str(len(told))
            self._body = told
        await self._send(head)
        await self._send({**message, "body": self._body})


def _with_reference(body: bytes, reference: str) -> bytes | None:
    """Return core's body with the reference in the one text that Airflow's UI shows; None for any other body.

    Some details mean something to the UI: with ``Invalid JWT token`` it goes to the login page.
    """
    try:
        document = json.loads(body)
    except ValueError:
        return None
    if document != {"detail": "Forbidden"}:
        return None
    return json.dumps({"detail": f"Forbidden (reference {reference})"}, separators=(",", ":")).encode()
