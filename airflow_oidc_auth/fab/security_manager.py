"""FAB's security manager without FAB's doors: people come in through our sign-in, and nowhere else.

FAB's pages, roles, permissions and commands stay. What is closed: FAB's password, LDAP, OAuth and remote-user
sign-in, its registration form, its own REST tokens, and Flask's session as a proof of anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow.configuration import conf
from airflow.providers.fab.auth_manager.models.anonymous_user import AnonymousUser
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from flask import current_app, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.const import AUTH_OAUTH
from flask_appbuilder.security.views import AuthView
from flask_login import LoginManager

from airflow_oidc_auth.fab.tables import forget_links_of_deleted_users
from airflow_oidc_auth.fab.visitor import current_visitor
from airflow_oidc_auth.policy.permissions import NOTHING

if TYPE_CHECKING:
    from airflow.providers.fab.auth_manager.models import User
    from werkzeug.wrappers import Response

# Flask-Login asks nobody else when it finds this cookie; FAB's would be left over from before.
UNUSED_REMEMBER_COOKIE = "oidc_auth_unused"


class Nobody(AnonymousUser):
    """Somebody without a session: has no role, whatever ``AUTH_ROLE_PUBLIC`` says."""

    permissions = NOTHING
    roles: tuple[object, ...] = ()
    perms: frozenset[tuple[str, str]] = frozenset()


class ClosedPasswordView(BaseView):  # type: ignore[misc]  # FAB ships no types
    """In place of FAB's forms for passwords: one given today would open FAB when a deployment goes back to it."""


class ClosedOwnPasswordView(ClosedPasswordView):
    """The same for the form of one's own password: FAB complains of a class that it meets twice."""

    class_permission_name = ClosedPasswordView.__name__  # no further resource in FAB's tables


class AuthOidcView(AuthView):  # type: ignore[misc]  # FAB ships no types
    """Where FAB and old bookmarks send people to sign in and out: our own addresses."""

    @expose("/login/", methods=["GET"])  # type: ignore[untyped-decorator]
    def login(self) -> Response:
        """Go on to our sign-in, with the page to come back to; home with those whom that page has just refused."""
        if current_visitor() is not None:
            return redirect(_base_url())
        target = request.args.get("next")
        query = f"?{urlencode({'next': target})}" if target else ""
        return redirect(f"{_base_url()}/auth/login{query}")

    @expose("/logout/", methods=["GET"])  # type: ignore[untyped-decorator]
    def logout(self) -> Response:
        """Go on to our sign-out."""
        return redirect(f"{_base_url()}/auth/logout")


class OidcSecurityManager(FabAirflowSecurityManagerOverride):
    """Name it in ``webserver_config.py`` as ``SECURITY_MANAGER_CLASS``; subclasses may add pages and roles."""

    authoauthview = AuthOidcView
    resetpasswordview = ClosedPasswordView
    resetmypasswordview = ClosedOwnPasswordView

    def __init__(self, appbuilder: Any) -> None:
        super().__init__(appbuilder)  # type: ignore[no-untyped-call]
        forget_links_of_deleted_users()

    @property
    def auth_type(self) -> int:
        """Let FAB show its page of users without passwords; none of its kinds of sign-in is used."""
        return int(AUTH_OAUTH)

    @property
    def auth_user_registration(self) -> bool:
        """Offer no registration form; whether new people get a user is decided at our sign-in."""
        return False

    def _init_auth(self) -> None:
        """Set up no OAuth client: ``OAUTH_PROVIDERS`` may still be there."""

    def create_login_manager(self) -> LoginManager:
        """Know people by our session only."""
        config = current_app.config
        config["REMEMBER_COOKIE_NAME"] = UNUSED_REMEMBER_COOKIE
        # Flask's session holds the tokens of FAB's forms: who can read it on the way can send them.
        config["SESSION_COOKIE_SECURE"] = config["SESSION_COOKIE_SECURE"] or _base_url().startswith("https:")
        manager = LoginManager(current_app)
        manager.anonymous_user = Nobody
        manager.login_view = "login"
        # Flask's session may name a user; it proves nothing.
        manager.user_loader(lambda _: None)
        manager.request_loader(lambda _: self._load_visitor())
        return manager

    def _load_visitor(self) -> User | None:
        visitor = current_visitor()
        user = None if visitor is None else self.get_user_by_id(visitor.user_id)
        if visitor is None or user is None or not user.is_active:
            return None
        # Airflow's decisions are asked with this object by FAB's decorators.
        user.permissions = visitor.permissions
        return user

    def load_user(self, pk: int) -> None:
        """Return nobody: a user id in a session proves nothing."""

    def load_user_jwt(self, _jwt_header: object, jwt_data: object) -> None:
        """Return nobody: FAB's own tokens are not accepted."""

    def check_password(self, username: str, password: str) -> bool:
        """Return False: there is no sign-in by password."""
        return False

    def auth_user_db(self, username: str, password: str, rotate_session_id: bool = True) -> None:  # noqa: FBT002
        """Return nobody: there is no sign-in by password."""

    def auth_user_ldap(self, username: str, password: str, rotate_session_id: bool = True) -> None:  # noqa: FBT002
        """Return nobody: there is no sign-in by LDAP."""

    def auth_user_oauth(self, userinfo: Any, rotate_session_id: bool = True) -> None:  # noqa: FBT002
        """Return nobody: FAB's own OAuth joins accounts by name."""

    def auth_user_remote_user(self, username: str) -> None:
        """Return nobody: no header says who somebody is."""


def _base_url() -> str:
    return str(conf.get("api", "base_url")).rstrip("/")
