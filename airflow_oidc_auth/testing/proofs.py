"""A program's key, and proofs that it holds it (RFC 9449), honest and otherwise."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping

from joserfc.jwk import ECKey, OKPKey, RSAKey

from airflow_oidc_auth.testing.keys import SigningKeys, base64url, sign


class ProofKey:
    """One key pair.

    :param algorithm: any asymmetric one
    """

    def __init__(self, algorithm: str = "ES256") -> None:
        self.algorithm = algorithm
        self.key: RSAKey | ECKey | OKPKey = SigningKeys(algorithm).key_for(algorithm)

    @property
    def jkt(self) -> str:
        """Thumbprint of the public key (RFC 7638), as a token names it."""
        return self.key.thumbprint()

    def prove(
        self,
        method: str,
        url: str,
        access_token: str | None = None,
        *,
        now: float | None = None,
        header: Mapping[str, object] | None = None,
        claims: Mapping[str, object] | None = None,
    ) -> str:
        """Return a proof for one request (RFC 9449 §4.2).

        :param header: laid over the honest one
        :param claims: laid over the honest ones; None as a value takes a claim away
        """
        public = {name: self.key.as_dict(private=False)[name] for name in self._members()}
        told: dict[str, object] = {
            "jti": secrets.token_urlsafe(12),
            "htm": method,
            "htu": url,
            "iat": int(time.time() if now is None else now),
        }
        if access_token is not None:
            told["ath"] = base64url(hashlib.sha256(access_token.encode("ascii")).digest())
        told = {name: value for name, value in {**told, **(claims or {})}.items() if value is not None}
        return sign({"typ": "dpop+jwt", "alg": self.algorithm, "jwk": public, **(header or {})}, told, self.key)

    def _members(self) -> tuple[str, ...]:
        return {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}.get(self.key.key_type, ("kty", "crv", "x"))
