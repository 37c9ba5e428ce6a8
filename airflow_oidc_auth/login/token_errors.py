"""Refusals of the token endpoint, in the words of OAuth: RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 9449 §5.

Inside, a refusal is a typed error with a code of our catalogue; what leaves is a :class:`TokenError`, whose ``error``
programs understand and whose ``code`` people can look up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.rate_limits import RateLimited

INVALID_REQUEST = "invalid_request"
INVALID_CLIENT = "invalid_client"
INVALID_GRANT = "invalid_grant"
INVALID_SCOPE = "invalid_scope"
INVALID_TARGET = "invalid_target"
INVALID_DPOP_PROOF = "invalid_dpop_proof"
UNAUTHORIZED_CLIENT = "unauthorized_client"
UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
UNAVAILABLE = "temporarily_unavailable"

BAD_REQUEST = 400
UNAUTHORIZED = 401
SERVER_ERRORS = 500
SERVICE_UNAVAILABLE = 503
RETRY_AFTER = 5
# The desk's refusals, which know nothing of OAuth.
_NAMES = {
    "token_scope_not_held": INVALID_SCOPE,
    "token_lifetime_too_long": INVALID_REQUEST,
    "token_lifetime_invalid": INVALID_REQUEST,
    "token_binding_needed": INVALID_DPOP_PROOF,
}
_PLAIN = str.maketrans({'"': "'", "\u201c": "'", "\u201d": "'", "\u2019": "'", "\u2013": "-", "\u2026": "..."})
# RFC 6749 §5.2: printable ASCII without quotation mark and backslash.
_NOT_ALLOWED = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]+")


class TokenDenied(OidcAuthError):
    """No token for this request.

    :param error: what RFC 6749 calls it; None for what the grant calls a token that is not good
    :param text: replaces the catalogue's text where the caller can say more; no secrets
    :param identity: who is refused, where that was verified
    """

    def __init__(
        self,
        error: str | None,
        code: str,
        detail: str = "",
        *,
        text: str = "",
        evidence: Mapping[str, object] | None = None,
        identity: Identity | None = None,
    ) -> None:
        super().__init__(code, detail, evidence=evidence)
        self.error = error
        self.identity = identity
        self.text = text or self.message.text


@dataclass(frozen=True, slots=True)
class TokenError:
    """What a program is told.

    :param error: of RFC 6749 §5.2 or an extension
    :param description: one or two sentences for whoever reads the program's log
    :param code: key of the message catalogue
    :param retry_after: seconds; None where trying again changes nothing
    """

    error: str
    description: str
    code: str
    status: int
    correlation_id: str
    retry_after: int | None = None


def as_token_error(error: OidcAuthError, blamed: str, correlation_id: str) -> TokenError:
    """Say an error in the words of OAuth.

    :param blamed: what this grant calls a token that is not good: ``invalid_grant`` (RFC 7523 §3.1), and
        ``invalid_request`` for token exchange (RFC 8693 §2.2.2)
    """
    if isinstance(error, RateLimited):
        return _told(error, UNAVAILABLE, error.status, correlation_id, error.retry_after)
    if error.status >= SERVER_ERRORS:
        return _told(error, UNAVAILABLE, SERVICE_UNAVAILABLE, correlation_id, RETRY_AFTER)
    name = (error.error if isinstance(error, TokenDenied) else _named(error)) or blamed
    return _told(error, name, UNAUTHORIZED if name == INVALID_CLIENT else BAD_REQUEST, correlation_id, None)


def _named(error: OidcAuthError) -> str | None:
    return INVALID_DPOP_PROOF if error.code.startswith("dpop_") else _NAMES.get(error.code)


def _told(error: OidcAuthError, name: str, status: int, correlation_id: str, retry_after: int | None) -> TokenError:
    text = error.text if isinstance(error, TokenDenied) else error.message.text
    description = _NOT_ALLOWED.sub("?", f"{text} {error.hint}".strip().translate(_PLAIN))
    return TokenError(name, description, error.code, status, correlation_id, retry_after)
