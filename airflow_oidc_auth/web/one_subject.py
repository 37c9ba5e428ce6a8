"""Requests that name two things: core asks us about one of them and shows the other.

* ``/config/section/SECTION/option/OPTION?section=OTHER``: core asks whether ``OTHER`` may be read; it reads
  ``SECTION``.
* ``GET /backfills?dag_id=DAG`` with a body that names another DAG: core asks about the one of the body.
* ``/eventLogs/ID?dag_id=DAG``: for a row that belongs to no DAG, core asks about the DAG of the query.
* ``/assets/ID/queuedEvents?dag_id=DAG``: core asks whether ``DAG`` may be changed, and deletes the events of all.

What none of these routes has a use for is taken away before core sees it.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.types import Message, Receive, Scope

from airflow_oidc_auth.web.api_call import path_below_root


def name_one_subject(scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    """Return the request with nothing left that could name another thing than the one it is about."""
    path = path_below_root(scope)
    if "/config/section/" in path or "/eventLogs/" in path:
        return {**scope, "query_string": b""}, receive
    if path.endswith("/queuedEvents"):
        return {**scope, "query_string": _without_dag(scope["query_string"])}, receive
    if "/backfills" in path and scope["method"] == "GET":
        return scope, _without_body(receive)
    return scope, receive


def _without_dag(query: bytes) -> bytes:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return urlencode([(name, value) for name, value in pairs if name != "dag_id"]).encode("ascii")


def _without_body(receive: Receive) -> Receive:
    told = False

    async def receive_no_body() -> Message:
        nonlocal told
        if not told:
            told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return receive_no_body
