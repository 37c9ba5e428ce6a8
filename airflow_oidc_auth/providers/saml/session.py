"""What an assertion says about the session at the IdP: for logout, limits and the audit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from airflow_oidc_auth.secret import Secret

_PART = 32


@dataclass(frozen=True, slots=True)
class SamlSession:
    """Names a session at the IdP.

    :param name_id: its text, exactly as signed
    :param not_on_or_after: ``SessionNotOnOrAfter``, epoch seconds: our session ends then at the latest
    :param assertion_id: for the audit
    :param authn_context: ``AuthnContextClassRef``, for the audit
    """

    name_id: str = field(repr=False)
    name_id_format: str = ""
    name_qualifier: str = ""
    sp_name_qualifier: str = ""
    session_index: str = ""
    not_on_or_after: int | None = None
    assertion_id: str = ""
    authn_context: str = ""

    @property
    def sid(self) -> str:
        """Return the key under which a logout request finds the session; see :func:`session_key`."""
        return session_key(self.name_id, self.session_index)

    def hint(self) -> Secret:
        """Return what ``begin_logout`` needs later, to be stored like an ``id_token_hint``: encrypted."""
        names = ("name_id", "name_id_format", "name_qualifier", "sp_name_qualifier", "session_index")
        return Secret(json.dumps({name: getattr(self, name) for name in names if getattr(self, name)}))


def read_hint(hint: Secret | None) -> SamlSession | None:
    """Return the session of a stored hint, None for what is none."""
    try:
        found = json.loads(hint.reveal()) if hint is not None else None
        return SamlSession(**found) if isinstance(found, dict) else None
    except (ValueError, TypeError):
        return None


def session_key(name_id: str, session_index: str = "") -> str:
    """Return ``<hash of the NameID>.<hash of the SessionIndex>``, 65 characters.

    A logout request without SessionIndex means every session of the NameID (SAML Core §3.7.1): those whose key
    begins with :func:`session_key_prefix`.
    """
    return session_key_prefix(name_id) + _digest(session_index)


def session_key_prefix(name_id: str) -> str:
    """Return the part of :func:`session_key` that all sessions of a NameID share, its dot included."""
    return f"{_digest(name_id)}."


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_PART]
