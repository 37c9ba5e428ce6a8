"""The IdP's public keys (RFC 7517): parse tolerantly, choose strictly, fetch again rarely."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.cached_document import CachedDocument, Spawn, in_background
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS

_KTY = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_IMPORT: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_PUBLIC = ("kty", "n", "e", "crv", "x", "y")
_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 16_384
_MAX_KEYS = 256


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key that may verify signatures.

    :param alg: the only algorithm it may be used with, if the IdP says so
    :param curve: of EC and OKP keys
    :ivar algorithms: what it may verify: decided once, for the key does not change
    """

    kid: str | None
    kty: str
    alg: str | None
    curve: str | None
    key: RSAKey | ECKey | OKPKey = field(repr=False)
    algorithms: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "algorithms", frozenset(filter(self._allows, ASYMMETRIC_ALGORITHMS)))

    def fits(self, algorithm: str) -> bool:
        """Say whether key type, curve and declared algorithm allow this signature algorithm."""
        return algorithm in self.algorithms

    def _allows(self, algorithm: str) -> bool:
        if self.kty != _KTY.get(algorithm[:2]) or self.curve != _CURVES.get(algorithm):
            return False
        if self.alg is not None and self.alg != algorithm:
            return False
        try:
            JWSRegistry.algorithms[algorithm].check_key(self.key)  # the library's own opinion counts, too
        except (JoseError, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class KeyRing:
    """One reading of the key document.

    :param skipped: what was passed over and why, for ``airflow oidc check``
    """

    keys: tuple[VerificationKey, ...]
    skipped: tuple[str, ...] = ()
    _fitting: Mapping[str, _Fitting] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fitting", {each: _fitting(self.keys, each) for each in ASYMMETRIC_ALGORITHMS})

    def candidates(self, algorithm: str, kid: str | None) -> tuple[VerificationKey, ...]:
        """Return the keys to try.

        With a ``kid``: the keys of that name, and those without any name. Without: every key that fits.
        """
        fitting = self._fitting.get(algorithm)
        if fitting is None:
            return ()
        return fitting.every if kid is None else fitting.named.get(kid, fitting.nameless)


@dataclass(frozen=True, slots=True)
class _Fitting:
    """The keys of one algorithm, sorted by what tokens may ask for, before one does."""

    every: tuple[VerificationKey, ...]
    nameless: tuple[VerificationKey, ...]
    named: Mapping[str, tuple[VerificationKey, ...]]


def _fitting(keys: tuple[VerificationKey, ...], algorithm: str) -> _Fitting:
    every = tuple(key for key in keys if key.fits(algorithm))
    names = {key.kid for key in every if key.kid is not None}
    named = {name: tuple(key for key in every if key.kid in (name, None)) for name in names}
    return _Fitting(every, tuple(key for key in every if key.kid is None), named)


def parse_jwks(document: object) -> KeyRing:
    """Read a JWK Set; what is unknown, symmetric, weak, for encryption or broken is skipped, never used.

    :raises ProviderError: ``keys_malformed``: not a key set at all
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > _MAX_KEYS:
        raise ProviderError("keys_malformed", "the key document has no list of keys")
    keys: list[VerificationKey] = []
    skipped: list[str] = []
    for position, entry in enumerate(entries):
        result = read_key(entry)
        if isinstance(result, VerificationKey):
            keys.append(result)
        else:
            skipped.append(f"keys[{position}]: {result}")
    return KeyRing(tuple(keys), tuple(skipped))


def read_key(entry: object) -> VerificationKey | str:
    """Read one JWK, its public members only; the text says why it may not verify anything."""
    if not _is_object(entry):
        return "no object"
    if problem := _key_problem(entry):
        return problem
    kty, kid, alg, curve = entry["kty"], entry.get("kid"), entry.get("alg"), entry.get("crv")
    # Only the public members: a private key published by mistake is still only verified with.
    public: dict[str, Any] = {name: entry[name] for name in _PUBLIC if name in entry}
    try:
        key = _IMPORT[kty].import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return f"an {kty} key that cannot be read"
    return VerificationKey(
        kid if isinstance(kid, str) else None,
        kty,
        alg if isinstance(alg, str) else None,
        curve if isinstance(curve, str) and kty != "RSA" else None,
        key,
    )


def _key_problem(entry: Mapping[str, Any]) -> str:
    """Say why this key may not verify anything, or nothing."""
    kty = entry.get("kty")
    if not isinstance(kty, str) or kty not in _IMPORT:
        # UAA publishes `MAC`; `oct` would be a shared secret that anybody can read and sign with
        return f"key type {str(kty)[:20]!r} is not used"
    if entry.get("use", "sig") != "sig":
        return "not for signatures"
    operations = entry.get("key_ops")
    if isinstance(operations, list) and "verify" not in operations:
        return "not for verifying"
    return _rsa_problem(entry.get("n")) if kty == "RSA" else ""


def _is_object(entry: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(entry, dict)


def _rsa_problem(modulus: object) -> str:
    if not isinstance(modulus, str):
        return "an RSA key without modulus"
    if len(modulus) > _MAX_RSA_BITS // 6 + 4:  # a huge modulus makes each verification slow
        return f"an RSA key of more than {_MAX_RSA_BITS} bits"
    try:
        bits = int.from_bytes(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)), "big").bit_length()
    except ValueError:
        return "an RSA key that cannot be read"
    return f"an RSA key of fewer than {_MIN_RSA_BITS} bits" if bits < _MIN_RSA_BITS else ""


class KeySource:
    """The keys in use.

    :param fetch: read and parse the key document; raises :class:`ProviderError`
    :param clock: seconds
    :param interval: seconds that must pass between two fetches caused by tokens: whoever can send us tokens
        with invented ``kid`` values must not be able to make us flood the IdP
    """

    def __init__(
        self,
        fetch: Callable[[], KeyRing],
        clock: Callable[[], float],
        *,
        interval: float = 30.0,
        spawn: Spawn = in_background,
    ) -> None:
        self._cache: CachedDocument[KeyRing] = CachedDocument(self._timed(fetch), clock, spawn=spawn)
        self._clock, self._interval = clock, interval
        self._lock = threading.Lock()
        self._fetched_at: float | None = None
        self._failure: ProviderError | None = None

    def candidates(self, algorithm: str, kid: str | None) -> tuple[VerificationKey, ...]:
        """Return the keys to try, fetching the document only if there is none yet."""
        return self._cache.get().candidates(algorithm, kid)

    def known(self, algorithm: str, kid: str | None) -> tuple[VerificationKey, ...] | None:
        """Return the keys to try, without any I/O; None when no key document was read yet."""
        return None if self._cache.peek() is None else self._cache.get().candidates(algorithm, kid)

    def may_bring_more(self) -> bool:
        """Say whether :meth:`refresh` could find other keys now: it would fetch, or another thread is fetching."""
        return self._lock.locked() or self._is_due()

    def failure(self) -> ProviderError | None:
        """Return why the last :meth:`refresh` brought nothing: until the next one nobody knows which keys are new."""
        error = self._failure
        return error and ProviderError(error.code, error.detail, hint=error.hint, evidence=error.evidence)

    def load(self) -> KeyRing:
        """Return the current keys."""
        return self._cache.get()

    def refresh(self) -> bool:
        """Fetch again because a token does not verify; False when keys came too short a while ago.

        :raises ProviderError: the IdP cannot tell its keys now, so nobody can say whether the token is good
        """
        with self._lock:
            if not self._is_due():
                return False
            self._fetched_at = self._clock()
            try:
                self._cache.refetch()
            except ProviderError as error:
                self._failure = error
                raise
            return True

    def _is_due(self) -> bool:
        fetched_at = self._fetched_at
        return fetched_at is None or not 0 <= self._clock() - fetched_at < self._interval

    def _timed(self, fetch: Callable[[], KeyRing]) -> Callable[[], KeyRing]:
        def timed() -> KeyRing:
            ring = fetch()
            self._fetched_at, self._failure = self._clock(), None
            return ring

        return timed
