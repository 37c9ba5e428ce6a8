"""Authorization requests and codes at the fake IdP: RFC 6749 §4.1, RFC 7636, RFC 9126, RFC 9207."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_oidc_auth.testing.client import FakeClient
from airflow_oidc_auth.testing.users import FakeUser

CODE_LIFETIME = 60
REQUEST_LIFETIME = 600


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may be answered: the client is known and the redirect URI is registered."""

    client: FakeClient
    redirect_uri: str
    parameters: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """Return one parameter of the request."""
        return self.parameters.get(name)


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """What a code, and later a refresh token, stands for."""

    request: AuthorizationRequest
    user: FakeUser
    sid: str
    auth_time: int
    expires_at: float


def find_fault(parameters: Mapping[str, str]) -> str | None:
    """Return the OAuth error of a request to a known client, or None. PKCE S256 is required (RFC 9700 §2.1.1)."""
    if parameters.get("response_type") != "code":
        return "unsupported_response_type"
    # Without any scope everything is granted, as at Cloud Foundry UAA.
    if "openid" not in parameters.get("scope", "openid").split():
        return "invalid_scope"
    if parameters.get("code_challenge_method") != "S256" or len(parameters.get("code_challenge", "")) != 43:
        return "invalid_request"
    return "login_required" if parameters.get("prompt") == "none" else None


def verifier_matches(code_verifier: str, code_challenge: str) -> bool:
    """RFC 7636 §4.6, S256."""
    digest = hashlib.sha256(code_verifier.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == code_challenge and len(code_verifier) >= 43


class OneTimeStore:
    """Values that can be taken once, before they expire. Safe to use from several threads."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, object]] = {}
        self._lock = threading.Lock()

    def put(self, value: object, *, expires_at: float) -> str:
        """Keep a value; return its unguessable key."""
        key = secrets.token_urlsafe(24)
        self.keep(key, value, expires_at=expires_at)
        return key

    def keep(self, key: str, value: object, *, expires_at: float) -> None:
        """Keep a value under a key made elsewhere."""
        with self._lock:
            self._values[key] = (expires_at, value)

    def take(self, key: str, *, now: float) -> object | None:
        """Return the value and forget it; None if it is unknown, taken or late."""
        with self._lock:
            expires_at, value = self._values.pop(key, (0.0, None))
        return value if now < expires_at else None

    def see(self, key: str, *, now: float) -> object | None:
        """Return the value without taking it."""
        with self._lock:
            expires_at, value = self._values.get(key, (0.0, None))
        return value if now < expires_at else None
