"""``private_key_jwt``: a client proves itself with a short JWT of its own key (RFC 7523 §2.2 and §3).

The key file is read each time, on a thread that may block: a key that was taken out of it counts no more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.id_token import check_times, read_date
from airflow_oidc_auth.providers.keys import KeyRing, parse_jwks
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS
from airflow_oidc_auth.providers.signed_token import UnverifiedToken, parse_token, verify_signature
from airflow_oidc_auth.providers.strict_json import load_json

CODE = "token_client_refused"
MAX_ASSERTION = 8 * 1024
MAX_KEY_FILE = 256 * 1024
MAX_AGE = 600
"""Seconds that an assertion may live; a used one is remembered that long."""
LEEWAY = 30
_MAX_JTI = 255


@dataclass(frozen=True, slots=True)
class UsedAssertion:
    """A good assertion, and what must not be used a second time.

    :param key: names it in the store
    :param expires_at: epoch seconds after which it is refused for its age alone
    """

    key: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """What the assertion of one client says.

    :param endpoints: accepted ``aud`` values
    """

    client_id: str
    jwks_file: str
    endpoints: tuple[str, ...]

    def verify(self, token: UnverifiedToken, now: float) -> UsedAssertion:
        """Verify the signature and run every check; reads the key file.

        :raises ProtocolViolation: ``token_client_refused``
        :raises ProviderError: ``token_client_keys``: the file cannot be used
        """
        try:
            ring = read_keys(self.jwks_file)
        except ProviderError as error:
            raise ProviderError(error.code, f"{error.detail} of client {self.client_id!r}") from None
        try:
            claims = verify_signature(token, ASYMMETRIC_ALGORITHMS, ring.candidates, lambda: None).claims
            check_times(claims, now, LEEWAY)
            issued, expires = read_date(claims, "iat"), read_date(claims, "exp")
        except OidcAuthError as error:
            raise ProtocolViolation(CODE, f"assertion: {error.detail}") from None
        if expires - issued > MAX_AGE or now - issued > MAX_AGE + LEEWAY:
            raise ProtocolViolation(CODE, f"the assertion lives {expires - issued:.0f} s, or is too old")
        self._check_names(claims)
        return UsedAssertion(_name(self.client_id, _jti(claims)), int(expires) + LEEWAY + 1)

    def _check_names(self, claims: Mapping[str, object]) -> None:
        if claims.get("iss") != self.client_id or claims.get("sub") != self.client_id:
            raise ProtocolViolation(CODE, "iss and sub of the assertion are not the client")
        aud = claims.get("aud")
        named = aud if isinstance(aud, list) else [aud]
        # One audience: an assertion that is good elsewhere, too, could be brought here by whoever received it there.
        if len(named) != 1 or named[0] not in self.endpoints:
            raise ProtocolViolation(CODE, "aud of the assertion is not this token endpoint alone")


def parse_client_assertion(text: str) -> tuple[UnverifiedToken, str]:
    """Return the unverified assertion and the client that it claims to be of.

    :raises ProtocolViolation: ``token_client_refused``
    """
    if len(text) > MAX_ASSERTION:
        raise ProtocolViolation(CODE, f"an assertion of {len(text)} characters")
    try:
        token = parse_token(text)
    except OidcAuthError as error:
        raise ProtocolViolation(CODE, f"assertion: {error.detail}") from None
    client_id = token.claims.get("sub")
    return token, client_id if isinstance(client_id, str) else ""


def read_keys(path: str) -> KeyRing:
    """Read the public keys of a client.

    :raises ProviderError: ``token_client_keys``
    """
    try:
        with Path(path).open("rb") as file:
            ring = parse_jwks(load_json(file.read(MAX_KEY_FILE)))
    except (OSError, ValueError, ProviderError) as error:
        raise ProviderError("token_client_keys", f"{type(error).__name__} while reading a jwks_file") from None
    if not ring.keys:
        raise ProviderError("token_client_keys", "a jwks_file holds no key that may be used")
    return ring


def _jti(claims: Mapping[str, object]) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise ProtocolViolation(CODE, "the assertion has no jti")
    return jti


def _name(client_id: str, jti: str) -> str:
    return hashlib.sha256(f"client assertion\n{client_id}\n{jti}".encode("utf-8", "surrogatepass")).hexdigest()
