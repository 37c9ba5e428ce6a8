"""What a failing endpoint answers."""

from __future__ import annotations

import json
import threading

from airflow_oidc_auth.testing.loopback import Answer, html_answer, json_answer, redirect_to
from airflow_oidc_auth.testing.misbehaviour import FOREIGN_ISSUER

HUGE = 8 * 1024 * 1024


def build_fault(kind: str) -> Answer:
    """Return the answer of one of :data:`~airflow_oidc_auth.testing.misbehaviour.FAULTS`.

    ``slow`` and ``answer_lost`` have none: they are about an honest one.
    """
    json_type = {"Content-Type": "application/json"}
    answers = {
        "redirect": lambda: redirect_to(f"{FOREIGN_ISSUER}/elsewhere"),
        "error_500": lambda: json_answer({"error": "server_error"}, 500),
        "error_503": lambda: Answer(503, b"down for maintenance", {"Content-Type": "text/plain", "Retry-After": "120"}),
        "error_429": lambda: Answer(429, b"{}", {**json_type, "Retry-After": "30"}),
        "hang_up": lambda: Answer(hang_up=True),
        "malformed_json": lambda: Answer(200, b'{"access_token": "abc', json_type),
        "json_array": lambda: json_answer(["not", "an", "object"]),
        "not_json": lambda: html_answer("<h1>Hotel Wi-Fi</h1><p>Accept our terms.</p>"),
        "empty": lambda: Answer(200, b"", json_type),
        "huge": lambda: Answer(200, json.dumps({"padding": "x" * HUGE}).encode(), json_type),
        "invalid_grant": lambda: json_answer({"error": "invalid_grant", "error_description": "no such code"}, 400),
        "unauthorized": lambda: Answer(401, b"", {"WWW-Authenticate": 'Bearer error="invalid_token"'}),
        "forbidden": lambda: Answer(403, b"", {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}),
        "invalid_client": lambda: json_answer({"error": "invalid_client", "error_description": "who are you"}, 401),
    }
    return answers[kind]()


def wait(seconds: float, stopped: threading.Event) -> None:
    """Be slow, but do not outlive the server."""
    stopped.wait(seconds)
