"""Who asks for a page of FAB's: set around each request by our door, read by FAB's security manager.

Flask's own session says nothing about who somebody is: it would outlive a sign-out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_oidc_auth.policy.permissions import Permissions


class Visitor:
    """The signed-in person behind a request for one of FAB's pages.

    :param user_id: of ``ab_user``
    """

    __slots__ = ("permissions", "user_id")

    def __init__(self, user_id: int, permissions: Permissions) -> None:
        self.user_id = user_id
        self.permissions = permissions


_VISITOR: ContextVar[Visitor | None] = ContextVar("airflow_oidc_auth_fab_visitor", default=None)


def current_visitor() -> Visitor | None:
    """Return who asks, None for nobody; Starlette hands the context on to the thread that runs Flask."""
    return _VISITOR.get()


@contextmanager
def visiting(visitor: Visitor | None) -> Iterator[None]:
    """Let somebody, or nobody, be the one who asks."""
    token = _VISITOR.set(visitor)
    try:
        yield
    finally:
        _VISITOR.reset(token)
