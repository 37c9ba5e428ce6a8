"""Flask pages of plugins know who asks, and set no session cookie."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_oidc_auth.fab.visitor import current_visitor
from airflow_oidc_auth.managers.fab_user import OidcFabUser
from airflow_oidc_auth.managers.fab_visitors import PluginPages
from airflow_oidc_auth.policy.permissions import EVERYTHING

ADA = "the-token-of-ada"


class OneSession:
    """An engine that knows one token."""

    async def find_user(self, token: str) -> OidcFabUser | None:
        account: Any = SimpleNamespace(user_id=7, permissions=EVERYTHING)
        session: Any = None
        return OidcFabUser(session, account) if token == ADA else None


def ask(path: str, cookie: str = "", root_path: str = "") -> tuple[int | None, list[tuple[bytes, bytes]]]:
    """Return who the page saw, and the headers that left."""
    seen: list[int | None] = []
    sent: list[Any] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        visitor = current_visitor()
        seen.append(None if visitor is None else visitor.user_id)
        cookies = [(b"set-cookie", b"_token=; Path=/"), (b"Set-Cookie", b"session=x"), (b"x-other", b"_token=1")]
        await send({"type": "http.response.start", "status": 200, "headers": cookies})

    async def send(message: Any) -> None:
        sent.append(message)

    engine: Any = OneSession()
    scope = {"type": "http", "path": path, "root_path": root_path, "headers": [(b"cookie", cookie.encode())]}
    asyncio.run(PluginPages(page, engine)(scope, None, send))  # type: ignore[arg-type]
    assert current_visitor() is None
    return seen[0], sent[0]["headers"]


@pytest.mark.parametrize(
    ("path", "cookie", "expected"),
    [
        ("/pluginsv2/a", f"_token={ADA}", 7),
        ("/pluginsv2/a", f"_token=other; _token={ADA}", 7),
        ("/pluginsv2/a", f"_token={ADA}; _token=other", None),
        ("/pluginsv2/a", "_token=other", None),
        ("/pluginsv2/a", f"session={ADA}", None),
        ("/pluginsv2/a", "", None),
        ("/pluginsv2x/a", f"_token={ADA}", None),
        ("/api/v2/dags", f"_token={ADA}", None),
    ],
)
def test_a_page_of_a_plugin_sees_whom_our_cookie_names(path: str, cookie: str, expected: int | None) -> None:
    assert ask(path, cookie)[0] == expected
    assert ask(f"/airflow{path}", cookie, "/airflow")[0] == expected


def test_a_page_of_a_plugin_does_not_set_our_cookie() -> None:
    assert ask("/pluginsv2/a")[1] == [(b"Set-Cookie", b"session=x"), (b"x-other", b"_token=1")]
    assert len(ask("/api/v2/dags")[1]) == 3
