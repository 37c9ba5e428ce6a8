"""Airflow's own tokens: what we put into them, and remembering that one was verified.

A token carries the local subject id, the session id and the digest of the Grant; never a name, a group or
anything of the IdP. Verifying a signature costs 0.1 ms, so a verified token is remembered by its SHA-256 until
it expires; whether it was revoked is asked each time, elsewhere.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.api_fastapi.auth.tokens import JWTGenerator, JWTValidator
from jwt import InvalidTokenError, decode

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.session import Session

MAX_TOKEN_LENGTH = 4096
SIGNING_TRIES = 5
SESSION_CLAIM = "sid"
DIGEST_CLAIM = "gd"
# RFC 7800 §3, RFC 9449 §6.1
BINDING_CLAIM = "cnf"
THUMBPRINT = "jkt"
# Only in FAB mode: what a session may do is kept elsewhere there, so a switch of the auth manager ends every token.
FAB_CLAIM = "fab"


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """Claims of an Airflow-signed token of ours. Verified is not live: revocation is asked separately.

    :param jkt: thumbprint of the key that it is bound to (RFC 9449 §6.1); who brings it must prove that they have it
    """

    principal_id: str
    session_id: str
    grant_digest: str
    jti: str
    expires_at: int
    jkt: str | None = None


class AirflowTokens:
    """Issue and verify tokens with Airflow's own signer and validator.

    :param fab_mode: whose tokens they are; those of the other auth manager are not accepted
    :param remember: how many verified tokens are remembered; the oldest go first
    """

    def __init__(
        self,
        signer: JWTGenerator,
        validator: JWTValidator,
        clock: Callable[[], float],
        *,
        fab_mode: bool = False,
        remember: int = 20_000,
    ) -> None:
        self._signer = signer
        self._validator = validator
        self._clock = clock
        self._fab_mode = fab_mode
        self._remember = remember
        self._verified: OrderedDict[bytes, VerifiedToken] = OrderedDict()

    def claims(self, session: Session) -> dict[str, Any]:
        """Return the claims that name the session, and the key that it is bound to."""
        named = {"sub": session.principal_id, SESSION_CLAIM: session.id, DIGEST_CLAIM: session.grant_digest}
        bound = {} if session.jkt is None else {BINDING_CLAIM: {THUMBPRINT: session.jkt}}
        return {**named, **bound, FAB_CLAIM: True} if self._fab_mode else {**named, **bound}

    def issue(self, session: Session, *, lifetime: int | None = None) -> str:
        """Return a signed token that ends with the session, or after ``lifetime`` seconds if that is sooner."""
        return self._signer.generate(self.claims(session), valid_for=self.valid_for(session, lifetime))

    def issue_exactly(self, session: Session) -> tuple[str, int]:
        """Return a signed token that ends in the same second as the session, and in how many seconds that is.

        :raises SessionError: ``token_owner_gone``: it has ended already
        """
        for _ in range(SIGNING_TRIES):
            expires_in = self.valid_for(session)
            if expires_in <= 0:
                break
            token = self._signer.generate(self.claims(session), valid_for=expires_in)
            # The signer has a clock of its own, on which the next second may have begun.
            if _unverified_end(token) == session.expires_at:
                return token, expires_in
        raise SessionError("token_owner_gone", "the token's session ends now")

    def valid_for(self, session: Session, lifetime: int | None = None) -> int:
        """Return for how many seconds a token issued now is valid."""
        remaining = max(0, session.expires_at - int(self._clock()))
        return remaining if lifetime is None else min(lifetime, remaining)

    def recall(self, token: str) -> VerifiedToken | None:
        """Return the claims of a token verified before and not expired since."""
        key = _digest(token)
        known = self._verified.get(key)
        if known is not None and known.expires_at <= self._clock():
            self._verified.pop(key, None)
            return None
        return known

    async def verify(self, token: str) -> VerifiedToken:
        """Check signature, audience, issuer and times with Airflow's validator.

        :raises InvalidTokenError: with PyJWT's subclasses, as core expects them
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidTokenError("token too long")
        verified = self._read(await self._validator.avalidated_claims(token))
        self._verified[_digest(token)] = verified
        while len(self._verified) > self._remember:
            self._verified.popitem(last=False)
        return verified

    def verify_now(self, token: str) -> VerifiedToken:
        """Check a token from a thread that may block (core's logout).

        :raises InvalidTokenError: as :meth:`verify`
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidTokenError("token too long")
        return self._read(self._validator.validated_claims(token))

    def _read(self, claims: Mapping[str, Any]) -> VerifiedToken:
        if (claims.get(FAB_CLAIM) is True) != self._fab_mode:
            raise InvalidTokenError("a token of the other auth manager")
        return _read_claims(claims)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _read_claims(claims: Mapping[str, Any]) -> VerifiedToken:
    texts = [claims.get(name) for name in ("sub", SESSION_CLAIM, DIGEST_CLAIM, "jti")]
    expires_at = claims.get("exp")
    if not all(isinstance(text, str) and text for text in texts) or not isinstance(expires_at, int):
        # Signed by this Airflow for something else (a task, another auth manager before a switch).
        raise InvalidTokenError("not a session token of this auth manager")
    sub, sid, digest, jti = map(str, texts)
    return VerifiedToken(sub, sid, digest, jti, expires_at, _read_binding(claims))


def _read_binding(claims: Mapping[str, Any]) -> str | None:
    """Return the thumbprint; what is there and cannot be read must not make a bound token an unbound one."""
    if BINDING_CLAIM not in claims:
        return None
    binding = claims[BINDING_CLAIM]
    jkt = binding.get(THUMBPRINT) if isinstance(binding, Mapping) else None
    if not isinstance(jkt, str) or not jkt:
        raise InvalidTokenError("bound to something that is not known here")
    return jkt


def _unverified_end(token: str) -> object:
    """Return ``exp`` of a token that this process has just signed."""
    return decode(token, options={"verify_signature": False})["exp"]
