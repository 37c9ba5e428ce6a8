"""Forms of ours can only be sent from pages of ours.

The form carries a token signed over the session's id and the time; whoever cannot read our page cannot make one. What
the browser says about the sender (``Sec-Fetch-Site``, ``Origin``) must not contradict it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import Request

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.web.engine import Engine

FIELD = "csrf_token"
MAX_AGE = 12 * 3600
CLOCK_SKEW = 60


def build_csrf_token(engine: Engine, session_id: str) -> str:
    """Return the token for a form on a page of this session."""
    issued = str(int(engine.clock()))
    return f"{issued}.{_sign(engine.csrf_keys[0], session_id, issued)}"


def check_csrf(engine: Engine, request: Request, session_id: str, token: str) -> None:
    """Refuse a form that no page of this session sent.

    :raises ProtocolViolation: ``csrf_failed``
    """
    check_sender(engine, request)
    issued, _, signature = token.partition(".")
    if not _is_fresh(issued, engine.clock()) or not _is_signed(engine.csrf_keys, session_id, issued, signature):
        raise ProtocolViolation("csrf_failed", "form token missing, foreign or too old")


def is_cross_site(request: Request) -> bool:
    """Return whether the browser says that another site caused this request."""
    return request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}


def check_sender(engine: Engine, request: Request) -> None:
    """Refuse a form of which the browser says that another site sent it.

    :raises ProtocolViolation: ``csrf_failed``
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        raise ProtocolViolation("csrf_failed", "the form was sent from another site")
    # Our pages send no referrer, and then browsers say "null" about themselves: that proves nothing either way.
    origin = request.headers.get("origin", "null")
    if origin not in {"null", _origin(engine.base_url)}:
        raise ProtocolViolation("csrf_failed", "the form was sent from another origin")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_fresh(issued: str, now: float) -> bool:
    return issued.isascii() and issued.isdigit() and len(issued) <= 12 and -CLOCK_SKEW <= now - int(issued) <= MAX_AGE


def _is_signed(keys: Sequence[bytes], session_id: str, issued: str, signature: str) -> bool:
    given = signature.encode("utf-8", "surrogatepass")
    return any(hmac.compare_digest(_sign(key, session_id, issued).encode(), given) for key in keys)


def _sign(key: bytes, session_id: str, issued: str) -> str:
    return hmac.new(key, f"{issued}:{session_id}".encode(), hashlib.sha256).hexdigest()
