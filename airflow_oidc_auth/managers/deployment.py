"""What the rest of ``airflow.cfg`` must say for sign-in to be safe: problems stop the server, warnings do not."""

from __future__ import annotations

import os
from collections.abc import Iterator

from airflow.configuration import conf
from cryptography.fernet import Fernet

from airflow_oidc_auth.config.paths import did_you_mean, one_of
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.managers.address import split_url
from airflow_oidc_auth.managers.secret_option import read_secret_option

AUTH_MANAGER = "[core] auth_manager"
PACKAGE = "airflow_oidc_auth."
FAB_MODE = f"{PACKAGE}OidcFabAuthManager"
MANAGERS = (f"{PACKAGE}OidcAuthManager", FAB_MODE)
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_JWT_SECRET_VARIABLES = tuple(f"AIRFLOW__API_AUTH__JWT_SECRET{suffix}" for suffix in ("_CMD", "_SECRET"))


def deployment_problems() -> Iterator[Problem]:
    """Yield what makes sign-in impossible or unsafe."""
    yield from _base_url_problems()
    yield from _fernet_problems()


def fab_mode_problems() -> Iterator[Problem]:
    """Yield what FAB cannot do."""
    if conf.getboolean("core", "multi_team", fallback=False):
        text = "is not possible in FAB mode: FAB's roles know no teams"
        yield Problem("[core] multi_team", text, f"set it to False, or [core] auth_manager to {MANAGERS[0]}")


def manager_problems(passed_over: str) -> Iterator[Problem]:
    """Yield what is wrong with the choice of the auth manager.

    :param passed_over: ``webserver_config.py`` of FAB mode where it is not read and nothing else is; else empty
    """
    manager = conf.get("core", "auth_manager", fallback="") or ""
    if manager.startswith(PACKAGE) and manager.count(".") == 1 and manager not in MANAGERS:
        suggestion = did_you_mean(manager, MANAGERS) or one_of(MANAGERS)
        yield Problem(AUTH_MANAGER, f"is {manager}, which does not exist", suggestion)
    elif passed_over:
        text = f"is {manager}, which does not read {passed_over}"
        yield Problem(AUTH_MANAGER, text, f"set it to {FAB_MODE}, or write [oidc_auth]")


def deployment_warnings(*, fab_mode: bool) -> Iterator[Problem]:
    """Yield what an administrator should know before going live.

    :param fab_mode: whether the configuration is that of FAB mode, before the switch, too
    """
    manager = conf.get("core", "auth_manager", fallback="") or ""
    if not manager.startswith(PACKAGE):
        both = f"{MANAGERS[0]}, or OidcFabAuthManager to keep FAB's roles and pages"
        yield Problem(
            AUTH_MANAGER,
            f"is {manager}: sign-in with this package is not active",
            f"set it to {FAB_MODE if fab_mode else both}",
        )
    url = split_url(conf.get("api", "base_url", fallback="") or "")
    if url.scheme == "http" and url.hostname not in LOOPBACK_HOSTS:
        yield Problem("[api] base_url", "is plain http: cookies and tokens can be read on the way", "use https")
    if _jwt_secret_is_generated():
        yield Problem(
            "[api_auth] jwt_secret",
            "is generated at each start: a restart signs everybody out, and API servers refuse each other's sessions",
            "set one long random value for all components",
        )
    yield from _proxy_warnings(url.scheme)


def _base_url_problems() -> Iterator[Problem]:
    value = conf.get("api", "base_url", fallback="") or ""
    url = split_url(value)
    if url.scheme not in {"http", "https"} or not url.netloc:
        yield Problem(
            "[api] base_url",
            f"must be an absolute URL, not {value!r}" if value else "is not set",
            "set it to the address that people type, such as https://airflow.example.com",
        )
    elif url.query or url.fragment or url.username or url.password:
        yield Problem(
            "[api] base_url", "must not have a query, a fragment or credentials", "keep scheme, host and path only"
        )


def _fernet_problems() -> Iterator[Problem]:
    try:
        value = read_secret_option("core", "fernet_key")
    except ConfigurationError as error:
        yield from error.problems
        return
    if not value:
        yield Problem(
            "[core] fernet_key",
            "is empty: tokens of the identity provider would be stored in clear text",
            'create one: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
        )
        return
    for number, key in enumerate(value.split(","), start=1):
        try:
            Fernet(key.strip().encode())
        except ValueError:
            yield Problem("[core] fernet_key", f"key {number} is not a Fernet key", "32 bytes, url-safe base64")


def _jwt_secret_is_generated() -> bool:
    if conf.get("api_auth", "jwt_private_key_path", fallback=None):
        return False
    # Comparing values would run a command or ask a secrets backend, where one of these names the secret.
    if any(name in os.environ for name in _JWT_SECRET_VARIABLES) or _jwt_secret_by_reference():
        return False
    return conf.get("api_auth", "jwt_secret", fallback="") in {"", conf.get_default_value("api_auth", "jwt_secret")}


def _jwt_secret_by_reference() -> bool:
    return any(conf.has_option("api_auth", f"jwt_secret_{how}") for how in ("cmd", "secret"))


def _proxy_warnings(scheme: str) -> Iterator[Problem]:
    tls_here = bool(conf.get("api", "ssl_cert", fallback=""))
    if scheme == "https" and not tls_here and not os.environ.get("FORWARDED_ALLOW_IPS"):
        yield Problem(
            "FORWARDED_ALLOW_IPS",
            "base_url is https but this server speaks http and trusts forwarded headers from 127.0.0.1 only: "
            "behind a proxy on another host the audit shows the proxy's address",
            "start the API server with --proxy-headers and name the proxy in FORWARDED_ALLOW_IPS",
        )
    if os.environ.get("FORWARDED_ALLOW_IPS", "").strip() == "*":
        yield Problem(
            "FORWARDED_ALLOW_IPS",
            "trusts forwarded headers from everybody: anyone can choose the address that the audit shows",
            "name the proxy's addresses",
        )
