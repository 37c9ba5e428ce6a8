"""How this client proves itself to the IdP (RFC 6749 §2.3, RFC 7523, OIDC Core §9). Sans-IO."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from urllib.parse import quote_plus

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = 60
_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_RSA = ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What to add to a request at the token or PAR endpoint."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ClientAuthenticator:
    """Makes credentials for each request.

    A private key is loaded for the first one and kept: OpenSSL looks at an RSA key for 40 ms.

    :param clock: epoch seconds
    :param new_id: unguessable text, for ``jti``
    """

    settings: ProviderSettings
    clock: Callable[[], float]
    new_id: Callable[[], str] = field(default=lambda: secrets.token_urlsafe(24))
    _key: Callable[[], RSAKey | ECKey | OKPKey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        load = cache(partial(load_private_key, self.settings.private_key))
        object.__setattr__(self, "_key", load)

    def credentials(self, metadata: ProviderMetadata) -> ClientCredentials:
        """Return the credentials of the configured method.

        :raises ProviderError: ``client_rejected`` (no secret), ``client_key_unusable``
        """
        method = self.settings.client_auth
        if method == "none":
            return ClientCredentials(form={"client_id": self.settings.client_id})
        if method == "private_key_jwt":
            return ClientCredentials(form=self._assertion(metadata))
        secret = self.settings.client_secret
        if secret is None:
            raise ProviderError("client_rejected", f"{method} needs a client secret and there is none")
        if method == "client_secret_post":
            return ClientCredentials(form={"client_id": self.settings.client_id, "client_secret": secret.reveal()})
        return ClientCredentials(headers={"Authorization": basic(self.settings.client_id, secret)})

    def _assertion(self, metadata: ProviderMetadata) -> Mapping[str, str]:
        now = int(self.clock())
        claims = {
            "iss": self.settings.client_id,
            "sub": self.settings.client_id,
            "aud": metadata.token_endpoint,
            "jti": self.new_id(),
            "iat": now,
            "exp": now + _ASSERTION_LIFETIME,
        }
        supported = metadata.names("token_endpoint_auth_signing_alg_values_supported")
        assertion = sign_assertion(claims, self._key(), self.settings.private_key_id, supported)
        return {
            "client_id": self.settings.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }


def basic(client_id: str, secret: Secret) -> str:
    """Return the header value; both halves are form-encoded first (RFC 6749 §2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}"
    return "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")


def sign_assertion(
    claims: Mapping[str, object],
    key: RSAKey | ECKey | OKPKey,
    key_id: str | None,
    supported: tuple[str, ...] | None = None,
) -> str:
    """Sign with our private key.

    :param key_id: by which the IdP knows it
    :param supported: algorithms that the IdP accepts here, if it says so
    :raises ProviderError: ``client_key_unusable``
    """
    alg = choose_algorithm(key, supported)
    header = {"alg": alg, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    # The algorithm's model itself: the front door warns about EdDSA, which is fine with Ed25519.
    signing_input = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(dict(claims)).encode())}"
    signature = JWSRegistry.algorithms[alg].sign(signing_input.encode("ascii"), key)
    return f"{signing_input}.{_encode(signature)}"


def load_private_key(pem: Secret | None) -> RSAKey | ECKey | OKPKey:
    """Read the PEM; the reason of a failure is not told, because libraries quote what they read.

    :raises ProviderError: ``client_key_unusable``
    """
    for kind in (RSAKey, ECKey, OKPKey) if pem is not None else ():
        try:
            key = kind.import_key(pem.reveal()) if pem is not None else None
        except (JoseError, ValueError, TypeError):
            continue
        if isinstance(key, (RSAKey, ECKey, OKPKey)) and key.is_private:
            return key
    raise ProviderError("client_key_unusable", "private_key is no private RSA, EC or Ed25519 key in PEM")


def choose_algorithm(key: RSAKey | ECKey | OKPKey, supported: tuple[str, ...] | None) -> str:
    """Return the signature algorithm that the key allows and the IdP prefers."""
    if isinstance(key, RSAKey):
        return next((alg for alg in _RSA if supported is None or alg in supported), "RS256")
    alg = _BY_CURVE.get(key.curve_name)
    if alg is None:
        raise ProviderError("client_key_unusable", f"curve {key.curve_name} has no signature algorithm")
    return alg


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
