"""Import lxml and xmlsec late, and say in one sentence what is wrong with them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from airflow_oidc_auth.errors import ProviderError

INSTALL = "Install `airflow-oidc-auth[saml]`: xmlsec 1.3.16 or later and lxml 6 or later, together."
_MODULES = (("lxml.etree", "lxml"), ("xmlsec", "xmlsec"))


@cache
def libraries_problem() -> str:
    """Return why SAML cannot work here, or the empty string.

    lxml and xmlsec each bring a libxml2 of their own; with different ones, importing xmlsec fails.
    """
    for module, package in _MODULES:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == module.partition(".")[0]:
                return f"{package} is not installed"
            return f"{package} cannot be imported: {error}"
        except Exception as error:  # noqa: BLE001 -- xmlsec raises its own class, which only a successful import names
            return f"{package} cannot be imported: {error} (installed: {_installed()})"
    return ""


def require_libraries() -> None:
    """Refuse to go on without them.

    :raises ProviderError: ``saml_library_unusable``
    """
    if problem := libraries_problem():
        raise ProviderError("saml_library_unusable", problem, hint=INSTALL)


def _installed() -> str:
    return ", ".join(f"{package} {_version(package)}" for _, package in _MODULES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
