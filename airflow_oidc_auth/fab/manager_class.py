"""``SECURITY_MANAGER_CLASS``: it must be ours, or the doors that FAB opens by itself would stay open."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.fab.webserver_config import INSTALL, WebserverConfig

NAME = "SECURITY_MANAGER_CLASS"
OURS = "OidcSecurityManager"
_WRITE = f"write `from airflow_oidc_auth import {OURS}` and `{NAME} = {OURS}`"
# What people override to change who somebody is and which roles they get: none of it runs in a sign-in of ours.
_HOOKS = (
    *("oauth_user_info", "get_oauth_user_info", "auth_user_oauth", "auth_user_db", "auth_user_ldap"),
    *("auth_user_remote_user", "get_roles_from_keys", "_oauth_calculate_user_roles", "_ldap_calculate_user_roles"),
)


def class_problems(config: WebserverConfig) -> Iterator[Problem]:
    """Yield what makes the class unusable."""
    found = config.values.get(NAME)
    if found is None:
        yield Problem(NAME, "is missing", _WRITE, config.path)
        return
    ours = _ours()
    if ours is None:
        yield Problem("[core] auth_manager", "FAB mode needs the FAB provider, which cannot be imported", INSTALL)
    elif not isinstance(found, type):
        yield config.problem(NAME, f"must be a class, not {_kind(found)}", _WRITE)
    elif not issubclass(found, ours):
        text = f"is {found.__module__}.{found.__qualname__}, which does not inherit from {OURS}"
        yield config.problem(NAME, text, f"{_WRITE}, or inherit from it")


def class_warnings(config: WebserverConfig) -> Iterator[Problem]:
    """Yield a warning for each overridden method that is not called any more."""
    found, ours = config.values.get(NAME), _ours()
    if not isinstance(found, type) or ours is None or not issubclass(found, ours):
        return
    for name in _HOOKS:
        if getattr(found, name, None) is not getattr(ours, name, None):
            yield config.problem(
                NAME,
                f"{found.__qualname__}.{name} is not called: sign-in does not run through the security manager",
                "say where groups are with `providers.<id>.groups`, names with `claims`, roles with `grants.rules`",
            )


def _kind(value: object) -> str:
    return "a text: import the class, do not quote it" if isinstance(value, str) else type(value).__name__


def _ours() -> type | None:
    try:
        from airflow_oidc_auth.fab.security_manager import OidcSecurityManager
    except ImportError:
        return None
    ours: type = OidcSecurityManager
    return ours
