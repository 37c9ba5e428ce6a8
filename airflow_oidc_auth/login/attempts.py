"""One short-lived encrypted cookie per sign-in attempt, so that several tabs finish in any order.

The cookie's name comes from the attempt's ``state`` (RFC 6749 §10.12), so the callback finds its own among several.
Nothing is kept on the server: any API server finishes what another began. The browser cannot read or change it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.secret import Secret

COOKIE_PREFIX = "oidc_attempt_"
MAX_AGE = 600
MAX_ATTEMPTS = 8
MAX_DROPPED = 16
MAX_COOKIE_BYTES = 1200
# Proxies drop requests whose headers exceed 8 KB: all attempts together stay far below.
MAX_TOTAL_BYTES = 4000
MAX_NEXT_LENGTH = 1000
CLOCK_SKEW = 60

_NAME = re.compile(COOKIE_PREFIX + r"[0-9a-f]{12}")
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to set; path and flags are the web layer's."""

    name: str
    value: str = field(repr=False)
    max_age: int


def attempt_cookie_name(state: str) -> str:
    """Return the name of the cookie that belongs to ``state``; reveals nothing about it."""
    return COOKIE_PREFIX + hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class AttemptCookies:
    """Seal attempts into cookies and open them again.

    :param fernet: from :func:`airflow_oidc_auth.login.keys.derive_attempt_fernet`
    :param clock: epoch seconds
    :param redirect_uri: absolute callback address of a provider id; not stored, so that a cookie cannot change it
    :param home_url: where a person goes whose ``next`` does not fit into a cookie
    """

    def __init__(
        self, fernet: MultiFernet, clock: Callable[[], float], redirect_uri: Callable[[str], str], home_url: str
    ) -> None:
        self._fernet = fernet
        self._clock = clock
        self._redirect_uri = redirect_uri
        self._home_url = home_url

    def seal(self, attempt: LoginAttempt) -> Cookie:
        """Return the attempt's cookie, at most :data:`MAX_COOKIE_BYTES` with its name.

        A ``next`` that does not fit is replaced by the home page.
        """
        name = attempt_cookie_name(attempt.state)
        value = self._encrypt(attempt)
        if len(attempt.next_url) > MAX_NEXT_LENGTH or len(name) + len(value) + 1 > MAX_COOKIE_BYTES:
            value = self._encrypt(replace(attempt, next_url=self._home_url))
        return Cookie(name, value, MAX_AGE)

    def open(self, state: str, cookies: Mapping[str, str]) -> LoginAttempt:
        """Return the attempt that ``state`` belongs to.

        :raises ProtocolViolation: ``attempt_unknown`` (no such cookie here, replayed, tampered with, another key)
            or ``attempt_expired``
        """
        sealed = cookies.get(attempt_cookie_name(state))
        if sealed is None:
            raise ProtocolViolation("attempt_unknown", "no attempt cookie for this state")
        if len(sealed) > MAX_COOKIE_BYTES:
            raise ProtocolViolation("attempt_unknown", f"attempt cookie of {len(sealed)} characters")
        attempt = self._decrypt(sealed)
        # The name holds 48 bits of a hash only; the state itself decides.
        if not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "surrogatepass")):
            raise ProtocolViolation("attempt_unknown", "the attempt cookie belongs to another state")
        if not -CLOCK_SKEW <= self._clock() - attempt.started_at <= MAX_AGE:
            raise ProtocolViolation("attempt_expired", f"begun at {attempt.started_at}")
        return attempt

    def prune(self, cookies: Mapping[str, str], new: Cookie) -> tuple[str, ...]:
        """Return the names of attempt cookies to delete so that ``new`` fits: foreign, expired, then the oldest.

        At most :data:`MAX_DROPPED`: another host of the domain can set hundreds of such cookies, and an answer with
        hundreds of headers is one that proxies drop. The next attempt drops more.
        """
        ours = {name: value for name, value in cookies.items() if _NAME.fullmatch(name) and name != new.name}
        ages = {name: age for name, value in ours.items() if (age := self._age(value)) is not None}
        kept, total = 1, len(new.name) + len(new.value)
        for name in sorted(ages, key=lambda name: ages[name]):
            total += len(name) + len(ours[name])
            if kept >= MAX_ATTEMPTS or total > MAX_TOTAL_BYTES:
                break
            kept += 1
            del ours[name]
        return tuple(ours)[:MAX_DROPPED]

    def _age(self, sealed: str) -> float | None:
        try:
            age = self._clock() - self._fernet.extract_timestamp(sealed)
        except (InvalidToken, ValueError):
            return None
        return age if age <= MAX_AGE else None

    def _encrypt(self, attempt: LoginAttempt) -> str:
        # Only `next` is compressed: squeezing it together with the secrets would let its length tell about them.
        squeezed = base64.b64encode(zlib.compress(attempt.next_url.encode("utf-8", "surrogatepass"), 9)).decode()
        document = [
            _FORMAT,
            attempt.provider,
            attempt.state,
            attempt.nonce,
            attempt.code_verifier.reveal(),
            attempt.started_at,
            attempt.correlation_id,
            int(attempt.other_account),
            squeezed,
            *([attempt.same_person] if attempt.same_person else []),
        ]
        text = json.dumps(document, separators=(",", ":")).encode()
        return self._fernet.encrypt_at_time(text, attempt.started_at).decode()

    def _decrypt(self, sealed: str) -> LoginAttempt:
        try:
            document = json.loads(self._fernet.decrypt(sealed))
            # Another release's format does not unpack, or begins with another number.
            _, provider, state, nonce, verifier, started_at, correlation_id, other, squeezed, *rest = _known(document)
            next_url = _decompress(squeezed)
        except (InvalidToken, ValueError, TypeError, KeyError, IndexError, zlib.error) as error:
            raise ProtocolViolation("attempt_unknown", f"attempt cookie not readable: {type(error).__name__}") from None
        return LoginAttempt(
            provider=provider,
            state=state,
            nonce=nonce,
            code_verifier=Secret(verifier),
            redirect_uri=self._redirect_uri(provider),
            next_url=next_url,
            started_at=started_at,
            correlation_id=correlation_id,
            other_account=bool(other),
            same_person=rest[0] if rest else None,
        )


def _known(document: list[Any]) -> list[Any]:
    if document[0] != _FORMAT:
        raise ValueError("another release's format")
    return document


def _decompress(squeezed: str) -> str:
    return zlib.decompress(base64.b64decode(squeezed), bufsize=4 * MAX_NEXT_LENGTH).decode("utf-8", "surrogatepass")
