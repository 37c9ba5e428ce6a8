"""Compare what came with what we know, without telling by time how far they agree."""

from __future__ import annotations

import hmac


def same_text(given: object, expected: str) -> bool:
    """True if ``given`` is a text and equals ``expected``, which is never empty."""
    if not isinstance(given, str) or not expected:
        return False
    # JSON may spell lone surrogates, which plain encode() answers with an exception
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))
