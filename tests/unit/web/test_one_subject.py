"""A request names one thing when it reaches core: what is asked about is what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from airflow_oidc_auth.web.one_subject import name_one_subject


def settle(path: str, query: bytes = b"", method: str = "GET", messages: Iterable[dict[str, Any]] = (), root: str = ""):
    scope = {"type": "http", "method": method, "path": root + path, "root_path": root, "query_string": query}
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return name_one_subject(scope, receive)


@pytest.mark.parametrize("root", ["", "/airflow"])
@pytest.mark.parametrize(
    "path, query, left",
    [
        ("/api/v2/config/section/database/option/x", b"section=core", b""),
        ("/api/v2/config", b"section=core", b"section=core"),
        ("/api/v2/eventLogs/7", b"dag_id=mine", b""),
        ("/api/v2/eventLogs", b"dag_id=mine", b"dag_id=mine"),
        ("/api/v2/assets/1/queuedEvents", b"before=2026-01-01T00%3A00%3A00Z&dag_id=mine&%64ag_id=x",
         b"before=2026-01-01T00%3A00%3A00Z"),
        ("/api/v2/dags/~/dagRuns", b"dag_id=mine", b"dag_id=mine"),
    ],
)  # fmt: skip
def test_a_query_that_names_another_thing_is_taken_away(root, path, query, left):
    scope, _ = settle(path, query, root=root)
    assert scope["query_string"] == left


BODY = {"type": "http.request", "body": b'{"dag_id": "mine"}', "more_body": False}
GONE = {"type": "http.disconnect"}


@pytest.mark.parametrize("path", ["/api/v2/backfills", "/ui/backfills"])
def test_a_list_of_backfills_has_no_body_and_still_hears_that_the_browser_left(path):
    _, receive = settle(path, messages=[{**BODY, "more_body": True}, BODY, GONE])
    assert asyncio.run(receive()) == {"type": "http.request", "body": b"", "more_body": False}
    assert asyncio.run(receive()) == GONE


def test_a_new_backfill_keeps_its_body():
    _, receive = settle("/api/v2/backfills", method="POST", messages=[BODY])
    assert asyncio.run(receive()) == BODY
