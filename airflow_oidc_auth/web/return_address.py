"""Where a person goes after signing in: inside this Airflow or nowhere.

Core's judge decides first, because links come from core's own redirects. On top of it the address must be on the host
of ``[api] base_url``: the session cookie is only there, and a Host header that somebody else chose must not widen it.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote, urljoin, urlsplit

from starlette.requests import Request

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.web.engine import Engine

MAX_LENGTH = 2000
SIGN_IN_PATHS = ("/auth/", "/api/v2/auth/")
OWN_PAGES = ("/auth/access/", "/auth/sessions/")
# Browsers drop tabs and newlines inside addresses, so what a parser here reads is not where they would go.
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")


def choose_return_address(value: str | None, engine: Engine, request: Request) -> str:
    """Return the absolute address to go to; the home page without a value or for one that is too long.

    :raises ProtocolViolation: ``unsafe_next``
    """
    home = f"{engine.base_url}/"
    if not value or len(value) > MAX_LENGTH:
        return home
    if _is_ambiguous(value) or not _is_safe(value, engine, request):
        raise ProtocolViolation("unsafe_next", "not an address of this Airflow")
    return _rebase(value, home)


def _is_ambiguous(value: str) -> bool:
    """Return whether browsers and Python may read the address differently, or not at all."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return True
    # "https:host" is a path for one reader and a host for another.
    return bool(_CONTROL.search(value) or "\\" in value or (parts.scheme and not parts.netloc))


def _is_safe(value: str, engine: Engine, request: Request) -> bool:
    try:
        return engine.is_safe_url(value, request)
    except ValueError:
        # Core takes percent-encoding off before it reads: what was a path may then be no address.
        return False


def _rebase(value: str, home: str) -> str:
    base, target = urlsplit(home), urlsplit(urljoin(home, value))
    if target.scheme not in {"http", "https"} or target.netloc != base.netloc:
        raise ProtocolViolation("unsafe_next", "on another host than [api] base_url")
    if not _is_below(target.path, base.path):
        raise ProtocolViolation("unsafe_next", "outside of the path of [api] base_url")
    if _is_ours(target.path, base.path):
        return home
    # The absolute form leaves nothing for a browser to resolve in its own way, and https stays https.
    return target._replace(scheme=base.scheme).geturl()


def _is_below(path: str, base_path: str) -> bool:
    """Return whether the path is Airflow's; core stops at a semicolon, and ``/airflow;x`` is another app."""
    own = base_path.rstrip("/")
    normal = posixpath.normpath(unquote(path)) if path else own
    return normal == own or normal.startswith(f"{own}/")


def _is_ours(path: str, base_path: str) -> bool:
    """Return whether the address, ours or core's, would sign out or begin another sign-in, however it is spelt."""
    below = posixpath.normpath(unquote(path)).removeprefix(base_path.rstrip("/"))
    # normpath keeps two slashes at the beginning.
    below = "/" + below.lstrip("/") + "/"
    return below.startswith(SIGN_IN_PATHS) and below not in OWN_PAGES
