"""Single Logout (SAML Profiles §4.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_oidc_auth.providers.saml.bindings import Post, Redirect


@dataclass(frozen=True, slots=True)
class LogoutRequested:
    """A verified LogoutRequest of the IdP.

    :param name_id: whose sessions end
    :param session_indexes: which of them; empty means all (SAML Core §3.7.1)
    :param session_keys: values of ``SignIn.sid`` to end; empty means every one that begins with ``session_prefix``
    :param answer: the signed LogoutResponse for the browser, to be sent once the sessions have ended
    :param failed: the same, saying that we could not
    """

    name_id: str = field(repr=False)
    session_indexes: tuple[str, ...]
    session_keys: tuple[str, ...]
    session_prefix: str
    answer: Redirect | Post
    failed: Redirect | Post
