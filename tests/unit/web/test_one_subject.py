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


@pytest.mark.parametrize("root", ["", "/airflow"])
@pytest.mark.parametrize(
    "asked, named",
    [
        ("core/option/parallelism", "core/option/parallelism"),
        ("api.auth/option/jwt_secret", "api_auth/option/jwt_secret"),
        ("API_AUTH/option/jwt_\u017fecret", "api_auth/option/jwt_secret"),
        ("ap\u0131_auth/option/a.b", "api_auth/option/a.b"),
        ("stra\u00dfe/option/\ufb01x", "strasse/option/fix"),
        ("core", "core"),
    ],
)
def test_an_option_is_named_as_the_variable_of_the_environment_is(asked, named, root):
    scope, _ = settle(f"/api/v2/config/section/{asked}", root=root)
    assert scope["path"] == f"{root}/api/v2/config/section/{named}"


def test_an_option_is_named_as_it_is_called_today():
    scope = {"type": "http", "method": "GET", "path": "/api/v2/config/section/webserver/option/base_url"}
    found, _ = name_one_subject(scope, None, lambda *_: ("api", "base url"))  # type: ignore[arg-type]
    assert found["path"] == "/api/v2/config/section/api/option/base url"
    assert found["raw_path"] == b"/api/v2/config/section/api/option/base%20url"


def test_a_variable_may_be_called_like_an_address():
    path = "/api/v2/variables/config/section/A.B/option/C"
    assert settle(path, b"update_mask=value")[0]["path"] == path


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


def body(told: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": told, "more_body": more}


@pytest.mark.parametrize("path", ["/api/v2/connections/defaults", "/api/v2/connections/test"])
@pytest.mark.parametrize(
    "parts, left",
    [
        ([b'{"conn_type": "http", "team_name": "mine"}'], b'{"conn_type": "http"}'),
        ([b'{"team_', b'name": "a", "team_name": "b"}'], b"{}"),
        ([b""], b"{}"),
        ([b"team_name=mine"], b"{}"),
        ([b"[" * 100_000], b"{}"),
        ([b'{"team_name": "mine", "a": "' + b"x" * 700_000, b"x" * 700_000 + b'"}'], b"{}"),
        ([b'["team_name"]'], b'["team_name"]'),
    ],
)
def test_a_body_names_no_team_that_the_connection_is_not_of(path, parts, left):
    messages = [body(part, more=number < len(parts)) for number, part in enumerate(parts, 1)]
    _, receive = settle(path, method="POST", messages=[*messages, GONE])
    assert asyncio.run(receive()) == body(left)
    assert asyncio.run(receive()) == GONE


def test_a_browser_that_leaves_before_its_body_is_told_of():
    _, receive = settle("/api/v2/connections/test", method="POST", messages=[body(b"{", more=True), GONE])
    assert asyncio.run(receive()) == GONE
