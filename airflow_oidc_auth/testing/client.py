"""The relying parties that are registered at the fake IdP, and how they prove who they are."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"]


@dataclass(frozen=True, slots=True)
class FakeClient:
    """One registered client.

    :param redirect_uris: compared exactly
    :param auth_method: the only method accepted, or ``any`` of the secret methods
    :param jwk: public key for private_key_jwt (RFC 7523), as a JWK object
    :param post_logout_redirect_uris: compared exactly; None accepts any address on a redirect URI's origin
    :param backchannel_logout_uri: where logout tokens are sent (OIDC Back-Channel Logout §2.2)
    """

    client_id: str
    client_secret: str = ""
    redirect_uris: tuple[str, ...] = ()
    auth_method: str = "any"
    jwk: Mapping[str, Any] | None = None
    post_logout_redirect_uris: tuple[str, ...] | None = None
    backchannel_logout_uri: str = ""

    def may_return_to(self, url: str) -> bool:
        """True if logout may send the browser there."""
        if self.post_logout_redirect_uris is not None:
            return url in self.post_logout_redirect_uris
        return _origin(url) in {_origin(each) for each in self.redirect_uris}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request showed."""

    client_id: str
    method: str
    secret: str = ""


def read_credentials(headers: Mapping[str, str], form: Mapping[str, str]) -> Credentials | None:
    """Return what the request claims to be; None if it claims nothing, or two things at once (RFC 6749 §2.3)."""
    authorization = headers.get("authorization", "")
    if authorization:
        if "client_secret" in form or "client_assertion" in form:
            return None
        return _read_basic(authorization)
    if form.get("client_assertion_type") == ASSERTION_TYPE:
        return _read_assertion(form.get("client_assertion", ""))
    if "client_secret" in form:
        return Credentials(form.get("client_id", ""), "client_secret_post", form["client_secret"])
    return Credentials(form["client_id"], "none") if "client_id" in form else None


def is_authentic(client: FakeClient, shown: Credentials, *, audiences: tuple[str, ...], now: float) -> bool:
    """Check the credentials against the registration."""
    accepted = ("client_secret_basic", "client_secret_post") if client.auth_method == "any" else (client.auth_method,)
    if shown.method not in accepted:
        return False
    if shown.method == "none":
        return True
    if shown.method == "private_key_jwt":
        return _assertion_holds(client, shown.secret, audiences, now)
    return bool(client.client_secret) and hmac.compare_digest(shown.secret.encode(), client.client_secret.encode())


def _read_basic(authorization: str) -> Credentials | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    # RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
    return Credentials(unquote_plus(name), "client_secret_basic", unquote_plus(secret))


def _read_assertion(assertion: str) -> Credentials | None:
    claims = _unverified_claims(assertion)
    return Credentials(str(claims.get("sub", "")), "private_key_jwt", assertion) if claims else None


def _unverified_claims(token: str) -> Mapping[str, object]:
    try:
        claims = json.loads(unpadded(token.split(".")[1]))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _assertion_holds(client: FakeClient, assertion: str, audiences: tuple[str, ...], now: float) -> bool:
    if client.jwk is None:
        return False
    if not _is_signed(assertion, client.jwk):
        return False
    claims = _unverified_claims(assertion)
    audience = claims.get("aud")
    named = {audience} if isinstance(audience, str) else set(audience) if isinstance(audience, list) else set()
    expires = claims.get("exp")
    in_time = isinstance(expires, int | float) and now < expires <= now + 600
    itself = claims.get("iss") == claims.get("sub") == client.client_id
    return bool(named & set(audiences)) and in_time and itself and bool(claims.get("jti"))


def _is_signed(assertion: str, jwk: Mapping[str, Any]) -> bool:
    signing_input, _, signature = assertion.rpartition(".")
    try:
        algorithm = json.loads(unpadded(assertion.split(".", maxsplit=1)[0]))["alg"]
        # The algorithm's model itself: the library's front door warns about EdDSA, which is fine with Ed25519.
        model = jws.JWSRegistry.algorithms[algorithm] if algorithm in ASSERTION_ALGORITHMS else None
        return model is not None and model.verify(signing_input.encode(), unpadded(signature), import_key(dict(jwk)))
    except (JoseError, LookupError, TypeError, ValueError):
        return False


def unpadded(segment: str) -> bytes:
    """Decode base64url without padding, RFC 7515 §2."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
