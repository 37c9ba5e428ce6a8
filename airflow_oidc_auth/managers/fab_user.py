"""Airflow's user in FAB mode: the FAB user of a session, with what its roles allow now."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.fab.directory import FabAccount, FabDirectory
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.sessions.session import Session


class OidcFabUser(SessionUser):
    """A signed-in FAB user; id and name are FAB's, as Airflow and its plugins know them."""

    __slots__ = ("account",)

    def __init__(self, session: Session, account: FabAccount) -> None:
        super().__init__(session, account.permissions)
        self.account = account

    @property
    def id(self) -> int:
        """Return the id in ``ab_user``."""
        return self.account.user_id

    @property
    def username(self) -> str:
        """Return the name in ``ab_user``."""
        return self.account.username

    @property
    def perms(self) -> frozenset[tuple[str, str]]:
        """Return pairs of FAB's actions and resources, for plugins that look at them."""
        return self.permissions.custom

    def get_id(self) -> str:
        """Return the id in ``ab_user``, as FAB's own user does."""
        return str(self.account.user_id)

    def get_name(self) -> str:
        """Return the FAB user name, which Airflow writes as ``owner``."""
        return self.account.username

    def get_display_name(self) -> str:
        """Return first and last name."""
        return f"{self.account.first_name} {self.account.last_name}".strip() or self.account.username


class FabAdmission:
    """Admit a live session whose identity has an active FAB user."""

    def __init__(self, directory: FabDirectory) -> None:
        self._directory = directory

    def start(self) -> None:
        """Begin to watch FAB's tables."""
        self._directory.start()

    def stop(self) -> None:
        """Stop watching."""
        self._directory.stop()

    def peek(self, session: Session) -> OidcFabUser | None:
        """Return the user as far as memory tells."""
        return _admit(session, self._directory.peek(session.principal_id))

    def load(self, session: Session) -> OidcFabUser | None:
        """Return the user, asking the database."""
        return _admit(session, self._directory.load(session.principal_id))

    def health(self) -> Mapping[str, object]:
        """Tell how fresh the knowledge of FAB's users and roles is."""
        return {"fab_stale_for": round(self._directory.stale_for(), 1)}


def _admit(session: Session, account: FabAccount | None) -> OidcFabUser | None:
    return OidcFabUser(session, account) if account is not None and account.active else None
