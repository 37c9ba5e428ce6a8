"""How and when somebody authenticated, as the identity provider vouches for it.

It comes from the signed statement about the sign-in alone (id_token, SAML AuthnStatement). Userinfo tells about the
person, not about this sign-in, and may be filled from attributes that people edit themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Authentication:
    """What is known of one act of authentication; the default value knows nothing.

    :param acr: authentication context (OIDC Core §2; SAML AuthnContextClassRef)
    :param amr: methods (RFC 8176)
    :param at: epoch seconds, never ahead of the clock that read it
    """

    acr: str | None = None
    amr: frozenset[str] = frozenset()
    at: int | None = None

    def narrowed(self, told: Mapping[str, object]) -> Authentication:
        """Return what is left of it after a refreshed id_token.

        A refresh is no authentication (OIDC Core §12.2): what it says may take away and never adds. Otherwise a stolen
        session would gain by the step-up that its owner makes elsewhere.
        """
        at = read_time(told.get("auth_time")) if "auth_time" in told else self.at
        return Authentication(
            acr=self.acr if "acr" not in told or told["acr"] == self.acr else None,
            amr=self.amr if "amr" not in told else self.amr & _texts(told["amr"]),
            at=None if at is None or self.at is None else min(at, self.at),
        )


def read_authentication(claims: Mapping[str, object], now: float, leeway: int) -> Authentication:
    """Return what the claims of a verified id_token say."""
    acr = claims.get("acr")
    return Authentication(
        acr=acr if isinstance(acr, str) and acr else None,
        amr=_texts(claims.get("amr")),
        at=not_ahead(read_time(claims.get("auth_time")), now, leeway),
    )


def not_ahead(at: int | None, now: float, leeway: int) -> int | None:
    """Return a time of authentication, but none of the future: it would make a session fresh later, by itself."""
    if at is None or at > now + leeway:
        return None
    return min(at, int(now))


def read_time(value: object) -> int | None:
    """Return a NumericDate (RFC 7519 §2); some IdPs send a float. Texts and booleans are no times."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # The order matters: a huge integer has no float.
    return int(value) if 0 <= value < 2**40 and math.isfinite(value) else None


def _texts(value: object) -> frozenset[str]:
    """Return the methods: RFC 8176 wants a list, some IdPs send the only one as text. Nothing is split or joined."""
    items = [value] if isinstance(value, str) else value
    return (
        frozenset(item for item in items if isinstance(item, str)) if isinstance(items, (list, tuple)) else frozenset()
    )
