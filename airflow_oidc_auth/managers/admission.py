"""From a live session to Airflow's user: what the two auth managers answer differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from airflow_oidc_auth.managers.user import OidcUser, SessionUser
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.sessions.session import Session


class Admission(Protocol):
    """Say who the principal of a live session is to Airflow, now."""

    def start(self) -> None:
        """Begin background threads, after any fork."""

    def stop(self) -> None:
        """End them."""

    def peek(self, session: Session) -> SessionUser | None:
        """Return the user as far as memory tells; None if it does not."""

    def load(self, session: Session) -> SessionUser | None:
        """Return the user, asking the database; None for one who is not admitted.

        :raises SessionError: the database cannot be read
        """

    def health(self) -> Mapping[str, object]:
        """Return what the health page adds."""


class PolicyAdmission:
    """Admit every live session, with the permissions that the document gives to the roles of its Grant.

    :param policy: returns the policy of the accepted document
    """

    def __init__(self, policy: Callable[[], Policy]) -> None:
        self._policy = policy

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def peek(self, session: Session) -> OidcUser:
        """Return the user."""
        return OidcUser(session, self._policy().permissions(session.grant.roles))

    def load(self, session: Session) -> OidcUser:
        """Return the user."""
        return self.peek(session)

    def health(self) -> Mapping[str, object]:
        """Add nothing."""
        return {}
