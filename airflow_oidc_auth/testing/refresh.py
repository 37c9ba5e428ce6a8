"""What the fake IdP remembers of sign-ins: their refresh tokens, who was disabled, and which sessions ended.

Refresh tokens rotate, and one that is used a second time revokes its whole grant (RFC 9700 §4.14.2), as at careful
IdPs: a client that loses a rotated token, or refreshes twice at once, finds out here.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

from airflow_oidc_auth.testing.authorization import IssuedCode

REFRESH_LIFETIME = 86400


@dataclass(slots=True)
class _Issued:
    grant: IssuedCode
    expires_at: float
    used: bool = False


class Grants:
    """Every sign-in's grant, known by the session id of its id_token. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, _Issued] = {}
        self._sids: dict[str, list[str]] = {}
        self._ended: set[str] = set()
        self.disabled: set[str] = set()
        self.reused: list[str] = []

    def open(self, grant: IssuedCode, *, now: float) -> str:
        """Return a new refresh token of a sign-in."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = _Issued(grant, now + REFRESH_LIFETIME)
        return token

    def remember(self, grant: IssuedCode) -> None:
        """Keep that somebody signed in, for logout tokens."""
        with self._lock:
            sids = self._sids.setdefault(grant.user.subject, [])
            if grant.sid not in sids:
                sids.append(grant.sid)

    def use(self, token: str, *, now: float, rotate: bool) -> IssuedCode | None:
        """Take a refresh token; None if it is unknown, late or its grant was revoked, which a second use does."""
        with self._lock:
            found = self._tokens.get(token)
            if found is None or now >= found.expires_at:
                return None
            if found.used:
                self._ended.add(found.grant.sid)
                self.reused.append(found.grant.sid)
            found.used = rotate
        return found.grant if self.is_alive(found.grant) else None

    def is_alive(self, grant: IssuedCode) -> bool:
        """True unless the session has ended, or the person was disabled."""
        return grant.sid not in self._ended and grant.user.subject not in self.disabled

    def sids(self, subject: str) -> tuple[str, ...]:
        """Return a person's sessions that have not ended."""
        with self._lock:
            return tuple(sid for sid in self._sids.get(subject, ()) if sid not in self._ended)

    def end(self, sid: str) -> None:
        """End one session."""
        with self._lock:
            self._ended.add(sid)
