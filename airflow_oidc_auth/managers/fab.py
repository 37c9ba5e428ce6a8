"""The auth manager for deployments that keep FAB's users, roles and pages.

Sign-in, sessions, tokens and audit are ours; who a person is in FAB and what their roles allow is read from FAB's
tables, and answered from memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.common.types import ExtraMenuItem
from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager

from airflow_oidc_auth.fab.visitor import current_visitor
from airflow_oidc_auth.managers.decisions import Decisions
from airflow_oidc_auth.managers.sign_on import SignOn
from airflow_oidc_auth.managers.user import SessionUser

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.middleware import _MiddlewareFactory

# What FAB's manager shows, in its order: the resource that opens the entry, its text, its page.
_FAB_PAGES = (
    ("List Users", "Users", "users"),
    ("List Roles", "Roles", "roles"),
    ("Actions", "Actions", "actions"),
    ("Resources", "Resources", "resources"),
    ("Permission Pairs", "Permissions", "permissions"),
)


class OidcFabAuthManager(Decisions, SignOn, FabAuthManager):  # type: ignore[misc]  # FAB's are typed for its own user
    """Single sign-on for FAB's users; configured in ``webserver_config.py``."""

    fab_mode = True

    def get_fastapi_app(self) -> FastAPI | None:
        """Return our routes and pages, and FAB's behind them."""
        from airflow.providers.fab.www.app import create_app

        from airflow_oidc_auth.managers.fab_pages import build_fab_app

        self.flask_app = create_app(enable_plugins=False)
        return self.engine.web_app(build_fab_app(self, self.flask_app, self.engine))

    def get_fastapi_middlewares(self) -> list[tuple[_MiddlewareFactory[Any], dict[str, Any]]]:
        """Return ours; nobody gets in without signing in, whatever FAB's public role is."""
        from airflow_oidc_auth.managers.fab_visitors import PluginPages

        # The last is the outermost: it answers for a database that is away.
        return [(PluginPages, {"engine": self.engine}), *SignOn.get_fastapi_middlewares(self)]

    def get_extra_menu_items(self, *, user: SessionUser) -> list[ExtraMenuItem]:
        """Offer FAB's pages that the user may open, and "My access" to everybody.

        Where FAB's own "Permissions" stands, "My access" is in the user menu only (docs/decisions/0005).
        """
        shown = [page for page in _FAB_PAGES if user.permissions.allows_custom_view("MENU", page[0])]
        items = [ExtraMenuItem(text=text, href=f"/auth/{page}/list/") for _, text, page in shown]
        taken = {item.text for item in items}
        return items + [item for item in super().get_extra_menu_items(user=user) if item.text not in taken]

    def is_authorized_custom_view(self, *, method: str, resource_name: str, user: Any, **later: object) -> bool:
        """Return whether a page of FAB's or of a plugin is open; FAB's pages ask with FAB's own user."""
        if isinstance(user, SessionUser):
            return Decisions.is_authorized_custom_view(self, method=method, resource_name=resource_name, user=user)
        visitor = current_visitor()
        if visitor is None or str(visitor.user_id) != user.get_id():
            return False
        return visitor.permissions.allows_custom_view(method, resource_name)

    def generate_jwt(self, user: Any, *, expiration_time_in_seconds: int | None = None) -> str:
        """Return a token of the user's session; for FAB's own nothing, which no browser gets (``fab_visitors``)."""
        if not isinstance(user, SessionUser):
            return ""
        return SignOn.generate_jwt(self, user, expiration_time_in_seconds=expiration_time_in_seconds)

    def create_token(self, headers: dict[str, str], body: dict[str, Any]) -> None:
        """Return nobody: there is no sign-in by password."""

    def build_public_user(self, **_: object) -> None:
        """Return nobody: there is no access without signing in."""

    def _get_auth_role_public(self) -> None:
        """Return no role: pages of FAB's and of plugins count everybody as signed in where there is one."""

    @staticmethod
    def _get_user_permissions(user: Any) -> Any:
        return user.permissions.custom if isinstance(user, SessionUser) else ()
