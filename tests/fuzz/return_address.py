"""``next``: wherever it points, people stay in this Airflow, as browsers read addresses (WHATWG URL)."""

from __future__ import annotations

import os
import posixpath
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast
from urllib.parse import unquote

from starlette.requests import Request

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.return_address import choose_return_address

with warnings.catch_warnings():
    # Airflow's import of svcs imports Starlette's test client, which speaks of its own future.
    warnings.simplefilter("ignore")
    from airflow.api_fastapi.core_api.security import is_safe_url

HOST, PATH = "airflow.example", "/data"
BASE_URL = f"https://{HOST}{PATH}"
WORDS = (
    *(
        "https://",
        "http:",
        "//",
        "\\",
        "/data/",
        "airflow.example",
        "evil.example",
        "@",
        ":443",
        "%2f",
        "%5c",
        "%2e",
        "..",
    ),
    *("/auth/logout", "%61uth", "javascript:", "data:", "\t", "\r\n", "\x00", "?", "#", ";", "[::1]", "xn--", "\u3002"),
    *("\uff0f", "/data/../", "/data/%2e%2e/", "/data/./", "/data//", "../"),
)


def run(data: bytes) -> None:
    """Choose where to go after the sign-in."""
    value = data.decode("utf-8", "surrogateescape")
    scope = {"type": "http", "method": "GET", "scheme": "https", "path": "/data/auth/login", "root_path": PATH}
    scope |= {"query_string": b"", "server": (HOST, 443), "headers": [(b"host", HOST.encode())]}
    request = Request(scope)
    engine = SimpleNamespace(base_url=BASE_URL, is_safe_url=lambda url, asked: is_safe_url(url, request=asked))
    try:
        with _configured():
            chosen = choose_return_address(value, cast("Engine", engine), request)
    except OidcAuthError:
        return
    _check(chosen)


@contextmanager
def _configured() -> Iterator[None]:
    """Let Airflow have the same address for a moment; other tests have another."""
    before = os.environ.get("AIRFLOW__API__BASE_URL")
    os.environ["AIRFLOW__API__BASE_URL"] = BASE_URL
    try:
        yield
    finally:
        os.environ.pop("AIRFLOW__API__BASE_URL")
        if before is not None:
            os.environ["AIRFLOW__API__BASE_URL"] = before


def _check(chosen: str) -> None:
    assert not re.search(r"[\x00-\x20\x7f\\]", chosen), "a header or a browser would read it differently"
    seen = re.fullmatch(r"(?i)(https?):/{2,}([^/?#]*)([^?#]*).*", chosen, re.DOTALL)
    assert seen is not None, chosen
    assert seen[1] == "https"
    assert seen[2].lower() == HOST, chosen
    path = posixpath.normpath(unquote(seen[3]) or "/")
    assert path == PATH or path.startswith(f"{PATH}/"), chosen
    below = "/" + path.removeprefix(PATH).lstrip("/")
    assert not below.startswith("/auth/log"), "would sign out, or go in circles"
