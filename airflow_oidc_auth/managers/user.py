"""The user objects that Airflow passes around."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

if TYPE_CHECKING:
    from airflow_oidc_auth.policy.permissions import Permissions
    from airflow_oidc_auth.sessions.session import Session


class SessionUser(BaseUser):
    """A user that came with a live session, and what it may do; made anew for each request.

    :ivar listed: what the request does with the DAGs that it lists, see ``managers/lists.py``
    """

    __slots__ = ("listed", "permissions", "session")

    def __init__(self, session: Session, permissions: Permissions) -> None:
        self.session = session
        self.permissions = permissions
        self.listed: tuple[tuple[str, str | None], ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.session.principal_id!r})"


class OidcUser(SessionUser):
    """A signed-in principal of the native auth manager."""

    __slots__ = ()

    def get_id(self) -> str:
        """Return the local subject id; stable for (issuer, subject), never a name."""
        return self.session.principal_id

    def get_name(self) -> str:
        """Return the readable name that Airflow writes as ``owner`` of audited calls."""
        return self.session.name
