"""The names of our LogoutRequests: nothing is kept, any API server knows which answers it may believe."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from airflow_oidc_auth.login.departures import LogoutTicket
from airflow_oidc_auth.web.engine import Engine

_LABEL = b"airflow-oidc-auth saml logout v1:"
RELAY_STATE_BYTES = 16


def new_ticket(engine: Engine) -> LogoutTicket:
    """Return the name of a new request."""
    relay_state = secrets.token_urlsafe(RELAY_STATE_BYTES)
    return LogoutTicket(request_ids(engine.csrf_keys, relay_state)[0], relay_state)


def request_ids(keys: Sequence[bytes], relay_state: str) -> Sequence[str]:
    """Return the ids that a request of ours with this RelayState can have: one per key, the newest first.

    Who does not have the key cannot choose a RelayState whose request id is in an answer that they have.
    """
    text = _LABEL + relay_state.encode("utf-8", "surrogatepass")
    # An XML ID begins with a letter or an underscore.
    return tuple(f"_{hmac.new(key, text, hashlib.sha256).hexdigest()[:40]}" for key in keys)
