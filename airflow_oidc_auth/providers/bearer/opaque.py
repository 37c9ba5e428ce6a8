"""Tokens that only their issuer can read (RFC 7662): ask, and remember the answer for a moment.

An outage is neither a yes nor a no: it is raised, and never remembered. Answers are kept under a digest, so that
memory holds no token, and in a bounded number, so that invented tokens cannot fill it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace

from airflow_oidc_auth.errors import ProviderError, TokenRefused
from airflow_oidc_auth.providers.bearer.token import BearerToken
from airflow_oidc_auth.providers.introspection import introspect
from airflow_oidc_auth.providers.relying_party import RelyingParty
from airflow_oidc_auth.secret import Secret

BELIEVED = 60
"""Seconds for which a yes is believed: how long a token that was revoked at the IdP may go on here."""
REFUSED = 30
"""Seconds for which a no is remembered."""
MAX_ANSWERS = 10_000
_PATIENCE = 30.0

Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of asking; ``until`` in epoch seconds."""

    until: float
    token: BearerToken | None = None
    refusal: tuple[str, str, Mapping[str, object]] | None = field(default=None, repr=False)

    def give(self) -> BearerToken:
        if self.token is None:
            code, detail, evidence = self.refusal or ("token_inactive", "", {})
            raise TokenRefused(code, detail, evidence=evidence)
        return self.token


class OpaqueTokens:
    """Introspects one provider's tokens. Safe to use from several threads.

    :param believe: runs the checks of the claims; raises :class:`TokenRefused`
    """

    def __init__(self, party: RelyingParty, believe: Callable[[Claims], BearerToken]) -> None:
        self._party, self._believe = party, believe
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._flights: dict[bytes, Future[_Answer]] = {}

    def known(self, token: str) -> BearerToken | None:
        """Give the remembered answer, None if there is none. No I/O.

        :raises TokenRefused: the issuer said no a moment ago
        """
        answer = self._remembered(_digest(token))
        return None if answer is None else answer.give()

    def verify(self, token: str) -> BearerToken:
        """Ask, once for all who bring the same token at the same time. Blocks.

        :raises TokenRefused: not active, or not for us
        :raises ProviderError: nobody can say now
        """
        key = _digest(token)
        with self._lock:
            answer = self._fresh(key)
            flight = self._flights.get(key)
            leads = answer is None and flight is None
            if leads:
                flight = self._flights[key] = Future()
        if answer is not None or flight is None:
            return (answer or _Answer(0)).give()
        return self._lead(key, flight, token) if leads else _landed(flight).give()

    def forget(self) -> None:
        """Ask again about every token."""
        with self._lock:
            self._answers.clear()

    def _lead(self, key: bytes, flight: Future[_Answer], token: str) -> BearerToken:
        try:
            answer = self._ask(token)
        except BaseException as error:
            self._land(key)
            flight.set_exception(error)
            raise
        self._land(key, answer)
        flight.set_result(answer)
        return answer.give()

    def _ask(self, token: str) -> _Answer:
        party, now = self._party, self._party.clock()
        claims = introspect(party.transport, party.metadata.get(), party.authenticator, Secret(token))
        if claims is None:
            return _Answer(now + REFUSED, refusal=("token_inactive", "introspection says that it is not active", {}))
        try:
            believed = self._believe(_completed(claims, now))
        except TokenRefused as error:
            return _Answer(now + REFUSED, refusal=(error.code, error.detail, error.evidence))
        until = min(believed.expires_at, int(now) + BELIEVED)
        exp = believed.exp if "exp" in claims else None
        return _Answer(until, replace(believed, expires_at=until, exp=exp))

    def _remembered(self, key: bytes) -> _Answer | None:
        with self._lock:
            return self._fresh(key)

    def _fresh(self, key: bytes) -> _Answer | None:
        answer = self._answers.get(key)
        return answer if answer is not None and self._party.clock() < answer.until else None

    def _land(self, key: bytes, answer: _Answer | None = None) -> None:
        with self._lock:
            self._flights.pop(key, None)
            if answer is None:
                return
            self._answers[key] = answer
            self._answers.move_to_end(key)
            while len(self._answers) > MAX_ANSWERS:
                self._answers.popitem(last=False)


def _landed(flight: Future[_Answer]) -> _Answer:
    try:
        return flight.result(_PATIENCE)
    except (TimeoutError, FutureTimeoutError):
        raise ProviderError("provider_timeout", f"no answer of introspection in {_PATIENCE:g} s") from None


def _completed(claims: Claims, now: float) -> Claims:
    """Say what an answer may leave out (RFC 7662 §2.2): its end, and the subject of a token that is a client's own.

    Such a token's subject is the client, as in a JWT (RFC 9068 §2.2). Where a person gave it, ``username`` may tell.
    ``iat`` is needed: with it a token has an end here, ``exp`` or no ``exp``, and that comes before the end of a
    revocation that the token is older than.

    :raises TokenRefused: ``token_age_unknown``
    """
    if "iat" not in claims:
        raise TokenRefused("token_age_unknown", "introspection does not say iat")
    told: dict[str, object] = {"exp": int(now) + BELIEVED}
    if "username" not in claims and "client_id" in claims:
        told["sub"] = claims["client_id"]
    return {**told, **claims}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
