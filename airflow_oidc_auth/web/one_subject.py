"""Requests that name two things: core asks us about one of them and shows the other.

* ``/config/section/SECTION/option/OPTION?section=OTHER``: core asks whether ``OTHER`` may be read; it reads
  ``SECTION``.
* ``/config/section/api.auth/option/jwt_\u017fecret``: core asks about a section ``api.auth``, which there is not, does
  not find the option among those that it hides, and reads ``AIRFLOW__API_AUTH__JWT_SECRET``. So with names that an
  option had before: ``webserver/base_url`` is ``api/base_url``.
* ``GET /backfills?dag_id=DAG`` with a body that names another DAG: core asks about the one of the body.
* ``/eventLogs/ID?dag_id=DAG``: for a row that belongs to no DAG, core asks about the DAG of the query.
* ``/assets/ID/queuedEvents?dag_id=DAG``: core asks whether ``DAG`` may be changed, and deletes the events of all.
* ``POST /connections/defaults`` with a body that names a team: core asks about that team, and makes connections of
  nobody's.
* ``POST /connections/test`` with a body that names a team: core asks about that team, and tests with the password of a
  connection of nobody's.

What these routes have no use for, or cannot be trusted with, is taken away before core sees it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import Message, Receive, Scope

from airflow_oidc_auth.web.api_call import path_below_root

_TEAMLESS = frozenset({"/api/v2/connections/defaults", "/api/v2/connections/test"})
_SECTION, _OPTION = "/api/v2/config/section/", "/option/"
MAX_BODY = 1 << 20
"""Bytes of a body that is looked into; a larger one is as good as none."""

Place = tuple[str, str]
"""A section of the configuration, and an option in it."""
PlaceOf = Callable[[str, str], Place]
"""Tells where an option stands that is called so, by the names of today."""


def name_one_subject(scope: Scope, receive: Receive, place_of: PlaceOf | None = None) -> tuple[Scope, Receive]:
    """Return the request with nothing left that could name another thing than the one it is about."""
    path = path_below_root(scope)
    if path.startswith(_SECTION):
        return _of_option({**scope, "query_string": b""}, path, place_of), receive
    if "/eventLogs/" in path:
        return {**scope, "query_string": b""}, receive
    if path.endswith("/queuedEvents"):
        return {**scope, "query_string": _without_dag(scope["query_string"])}, receive
    if "/backfills" in path and scope["method"] == "GET":
        return scope, _without_body(receive)
    if path in _TEAMLESS and scope["method"] == "POST":
        return scope, _changed(receive, _without_team)
    return scope, receive


def _of_option(scope: Scope, path: str, place_of: PlaceOf | None) -> Scope:
    section, between, option = path.removeprefix(_SECTION).partition(_OPTION)
    if not between:
        return scope
    # As variables of the environment are named: all of these spellings are one variable.
    section, option = _spell(section.replace(".", "_")), _spell(option)
    if place_of is not None:
        section, option = place_of(section, option)
    named = f"{scope['path'].removesuffix(path)}{_SECTION}{section}{_OPTION}{option}"
    return {**scope, "path": named, "raw_path": quote(named, errors="replace").encode("ascii")}


def _spell(name: str) -> str:
    return name.upper().lower()


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


def _without_team(body: bytes) -> bytes:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        # Core would not ask at all without a document; it reads none of one of these routes.
        document = {}
    if isinstance(document, dict):
        document.pop("team_name", None)
    return json.dumps(document).encode()


def _changed(receive: Receive, change: Callable[[bytes], bytes]) -> Receive:
    """Return what hands over the whole body at once, changed."""
    told = False

    async def receive_changed() -> Message:
        nonlocal told
        if told:
            return await receive()
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return message
            body = body + message.get("body", b"") if len(body) <= MAX_BODY else body
            more = message.get("more_body", False)
        told = True
        return {"type": "http.request", "body": change(body if len(body) <= MAX_BODY else b""), "more_body": False}

    return receive_changed
