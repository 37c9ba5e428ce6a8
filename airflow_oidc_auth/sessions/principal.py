"""The short local id of a principal."""

from __future__ import annotations

import base64
import hashlib

LENGTH = 24


def principal_id(issuer: str, subject: str) -> str:
    """Return the local id of ``(issuer, subject)``: 24 characters ``a-z2-7``, 120 bits of SHA-256.

    Lengths are part of the hash, or ``("https://a", "b|c")`` and ``("https://a|b", "c")`` could be one account.
    """
    hashed = hashlib.sha256()
    for part in (issuer, subject):
        raw = part.encode("utf-8", "surrogatepass")
        hashed.update(len(raw).to_bytes(8, "big"))
        hashed.update(raw)
    return base64.b32encode(hashed.digest())[:LENGTH].decode("ascii").lower()
