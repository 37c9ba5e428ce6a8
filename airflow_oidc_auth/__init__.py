"""Single sign-on for Apache Airflow 3: OIDC sign-in, roles from IdP groups, every auth event audited.

Name ``airflow_oidc_auth.OidcAuthManager`` in ``[core] auth_manager``. The name is resolved on first
use, so that importing the package (Airflow does, in every process) costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["OidcAuthManager", "__version__"]

if TYPE_CHECKING:
    from airflow_oidc_auth.managers.native import OidcAuthManager


def __getattr__(name: str) -> Any:
    """Import the auth manager when it is first asked for (PEP 562)."""
    if name == "OidcAuthManager":
        from airflow_oidc_auth.managers.native import OidcAuthManager

        return OidcAuthManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
