"""Kinds and keys of revocations."""

from __future__ import annotations

import hashlib
import re

SESSION = "session"
TOKEN = "token"
GRANT = "grant"
PRINCIPAL = "principal"

_PLAIN_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22}")


def is_session_id(text: str) -> bool:
    """Tell whether ``text`` has the shape of a session id; nothing else may reach the database or the cache."""
    return _SESSION_ID.fullmatch(text) is not None


def grant_key(session_id: str, change: str) -> str:
    """Return the key of one change of a session's Grant.

    :param change: tells it from every other change of this session
    """
    return f"{session_id}.{change}"


def session_of_grant_key(key: str) -> str:
    """Return whose Grant has changed."""
    return key.partition(".")[0]


def principal_key(principal_id: str, moment: int) -> str:
    """Return the key of what was issued to a principal until a moment, epoch seconds."""
    return f"{principal_id}.{moment}"


def parse_principal_key(key: str) -> tuple[str, int] | None:
    """Return principal and moment, or None for what no release of ours has written."""
    principal_id, _, moment = key.partition(".")
    return (principal_id, int(moment)) if moment.isascii() and moment.isdigit() else None


def token_key(jti: str) -> str:
    """Return the key of a token: its ``jti``, or a digest of one that is long or not plain ASCII."""
    if _PLAIN_KEY.fullmatch(jti) and not jti.startswith("sha256:"):
        return jti
    return "sha256:" + hashlib.sha256(jti.encode("utf-8", "surrogatepass")).hexdigest()
