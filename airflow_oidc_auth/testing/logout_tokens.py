"""The fake IdP's logout tokens (OIDC Back-Channel Logout 1.0 §2.4), and how they are sent (§2.5)."""

from __future__ import annotations

import http.client
import secrets
from urllib.parse import urlencode, urlsplit

from airflow_oidc_auth.testing.keys import SigningKeys
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from airflow_oidc_auth.testing.tokens import TokenRequest, fill_in, sign_or_lie

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = 120


def build_logout_token(request: TokenRequest, keys: SigningKeys, lie: Misbehaviour, *, with_sub: bool) -> str:
    """Return the signed (or mis-signed) logout token.

    :param request: whose session; an empty ``sid`` means all of the person's
    """
    claims: dict[str, object] = {
        "iss": request.issuer,
        "aud": request.client_id,
        "iat": request.now,
        "exp": request.now + LIFETIME,
        "jti": secrets.token_urlsafe(12),
        "events": {EVENT: {}},
        **({"sub": request.user.subject} if with_sub else {}),
        **({"sid": request.sid} if request.sid else {}),
        **{name: request.now + offset for name, offset in lie.logout_token_offsets.items()},
        **{name: fill_in(value, request) for name, value in lie.logout_token_claims.items()},
    }
    header = {"typ": "logout+jwt", **lie.logout_token_header}
    return sign_or_lie(
        {name: value for name, value in header.items() if value is not None},
        {name: value for name, value in claims.items() if value is not None},
        request,
        keys,
        lie,
    )


def send_logout_token(address: str, token: str) -> int:
    """Post the token as §2.5 says; return the status."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(
            "POST",
            parts.path,
            urlencode({"logout_token": token}),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
