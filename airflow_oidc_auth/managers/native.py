"""The native auth manager: no FAB, no Flask. Answers Airflow's questions from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_oidc_auth.managers.decisions import Decisions
from airflow_oidc_auth.managers.sign_on import SignOn

if TYPE_CHECKING:
    from airflow.cli.cli_config import CLICommand

    from airflow_oidc_auth.managers.user import SessionUser


class OidcAuthManager(Decisions, SignOn):
    """Single sign-on with roles from the IdP; roles Admin, Op, User, Viewer, Public as Airflow documents them."""

    def _hitl_email(self, user: SessionUser) -> str | None:
        return user.session.grant.verified_email if self.engine.hitl_by_verified_email else None

    @property
    def _untold_team(self) -> str | None:
        return self.engine.untold_team

    def _name_of_asset(self, asset_id: str) -> str | None:
        return self.engine.name_of_asset(asset_id)

    def _get_teams(self) -> set[str]:
        """Return the teams that rules name as they are; :meth:`init` has held them against the database."""
        return set(self.engine.teams)

    @staticmethod
    def get_cli_commands() -> list[CLICommand]:
        """Return nothing: ``airflow oidc`` comes with the provider, whatever auth manager is configured."""
        return []

    @staticmethod
    def get_db_manager() -> str | None:
        """Name the DB manager of our tables."""
        return "airflow_oidc_auth.sessions.db_manager.OidcAuthDBManager"
