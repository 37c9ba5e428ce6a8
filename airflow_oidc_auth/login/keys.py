"""Keys for short-lived browser state, derived from Airflow's Fernet keys.

Each use has its own HKDF label (RFC 5869 §3.2), so that what is sealed for one use means nothing to another: an
attempt cookie is no CSRF token and neither opens what Airflow encrypts with the keys themselves.
"""

from __future__ import annotations

import base64
import re

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from airflow_oidc_auth.secret import Secret

ATTEMPT_LABEL = b"airflow-oidc-auth login attempt v1"
CSRF_LABEL = b"airflow-oidc-auth csrf v1"
BREAK_GLASS_LABEL = b"airflow-oidc-auth break-glass v1"
PSEUDONYM_LABEL = b"airflow-oidc-auth pseudonym v1"
DOCUMENT_LABEL = b"airflow-oidc-auth accepted document v1"


def derive_attempt_fernet(fernet_keys: Secret) -> MultiFernet:
    """Return what seals attempt cookies: the first key seals, every key opens (rotation).

    :param fernet_keys: ``[core] fernet_key`` as configured, keys separated by commas
    :raises ValueError: no key, or one that is not 32 bytes of url-safe base64
    """
    return _fernet(fernet_keys, ATTEMPT_LABEL)


def derive_document_fernet(fernet_keys: Secret) -> MultiFernet:
    """Return what seals the last accepted document: the first key seals, every key opens.

    :raises ValueError: as :func:`derive_attempt_fernet`
    """
    return _fernet(fernet_keys, DOCUMENT_LABEL)


def derive_csrf_keys(fernet_keys: Secret) -> tuple[bytes, ...]:
    """Return the HMAC keys of form tokens: the first signs, every key verifies.

    :raises ValueError: as :func:`derive_attempt_fernet`
    """
    return _derive(fernet_keys, CSRF_LABEL)


def derive_break_glass_keys(fernet_keys: Secret) -> tuple[bytes, ...]:
    """Return the HMAC keys of break-glass links: the first signs, every key verifies.

    :raises ValueError: as :func:`derive_attempt_fernet`
    """
    return _derive(fernet_keys, BREAK_GLASS_LABEL)


def derive_pseudonym_key(fernet_keys: Secret) -> bytes:
    """Return the key of pseudonyms: without it nobody can tell whether a pseudonym is a given person's.

    :raises ValueError: as :func:`derive_attempt_fernet`
    """
    return _derive(fernet_keys, PSEUDONYM_LABEL)[0]


def _fernet(fernet_keys: Secret, label: bytes) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in _derive(fernet_keys, label)])


def _derive(fernet_keys: Secret, label: bytes) -> tuple[bytes, ...]:
    keys = [_decode(part.strip()) for part in fernet_keys.reveal().split(",") if part.strip()]
    if not keys:
        raise ValueError("no Fernet key to derive from")
    return tuple(HKDF(algorithm=SHA256(), length=32, salt=None, info=label).derive(key) for key in keys)


def _decode(text: str) -> bytes:
    # urlsafe_b64decode skips foreign characters: a mistyped key would silently become another one.
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}=", text):
        raise ValueError("a Fernet key is 32 bytes, url-safe base64")
    return base64.urlsafe_b64decode(text)
