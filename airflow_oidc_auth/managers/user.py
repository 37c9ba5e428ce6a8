"""The user object that Airflow passes around."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.sessions.session import Session


class OidcUser(BaseUser):
    """A signed-in principal: the session it came with and the permissions of its roles."""

    __slots__ = ("permissions", "session")

    def __init__(self, session: Session, permissions: Permissions) -> None:
        self.session = session
        self.permissions = permissions

    def get_id(self) -> str:
        """Return the local subject id; stable for (issuer, subject), never a name."""
        return self.session.principal_id

    def get_name(self) -> str:
        """Return the readable name that Airflow writes as ``owner`` of audited calls."""
        return self.session.name

    def __repr__(self) -> str:
        return f"OidcUser({self.session.principal_id!r})"
