"""Single sign-on for Apache Airflow 3: OIDC sign-in, roles from IdP groups, every auth event audited.

Name ``airflow_oidc_auth.OidcAuthManager`` in ``[core] auth_manager``, or ``airflow_oidc_auth.OidcFabAuthManager`` to
keep FAB's users, roles and pages (extra ``fab``). Names are resolved on first use, so that importing the package
(Airflow does, in every process) costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["OidcAuthManager", "OidcFabAuthManager", "OidcSecurityManager", "__version__"]

if TYPE_CHECKING:
    from airflow_oidc_auth.fab.security_manager import OidcSecurityManager
    from airflow_oidc_auth.managers.fab import OidcFabAuthManager
    from airflow_oidc_auth.managers.native import OidcAuthManager

_MODULES = {
    "OidcAuthManager": "airflow_oidc_auth.managers.native",
    "OidcFabAuthManager": "airflow_oidc_auth.managers.fab",
    "OidcSecurityManager": "airflow_oidc_auth.fab.security_manager",
}


def __getattr__(name: str) -> Any:
    """Import what is first asked for (PEP 562).

    :raises ImportError: its extra is not installed
    """
    if name in _MODULES:
        try:
            return getattr(import_module(_MODULES[name]), name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith(("airflow.providers.fab", "flask")):
                raise ImportError(f"{name} needs FAB: pip install 'airflow-oidc-auth[fab]'") from error
            raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
