"""From a live session to Airflow's user: what the two auth managers answer differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.managers.user import OidcUser, SessionUser
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.sessions.session import Session


class Admission(Protocol):
    """Say who the principal of a live session is to Airflow, now."""

    def accept(self, config: CompiledConfig) -> None:
        """Follow a configuration: the first, and each that a hot reload brings."""

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

    def enroll(self, session: Session) -> SessionUser:
        """Return the user of an identity provider's own token, asking the database; one never seen gets an account.

        :raises LoginRefused: not admitted
        :raises SessionError: the database cannot be read
        """

    def roles(self, session: Session) -> tuple[str, ...]:
        """Return the roles that count now for a session that was admitted; memory only."""

    def health(self) -> Mapping[str, object]:
        """Return what the health page adds."""


class PolicyAdmission:
    """Admit every live session, with the permissions that the configuration gives to the roles of its Grant."""

    def __init__(self) -> None:
        self._policy = Policy()

    def accept(self, config: CompiledConfig) -> None:
        """Compile the custom roles anew."""
        self._policy = Policy(config.roles)

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def peek(self, session: Session) -> OidcUser:
        """Return the user."""
        return OidcUser(session, self._policy.permissions(session.grant.roles))

    def load(self, session: Session) -> OidcUser:
        """Return the user."""
        return self.peek(session)

    def enroll(self, session: Session) -> OidcUser:
        """Return the user."""
        return self.peek(session)

    def roles(self, session: Session) -> tuple[str, ...]:
        """Return the roles of the sign-in."""
        return session.grant.roles

    def health(self) -> Mapping[str, object]:
        """Add nothing."""
        return {}
