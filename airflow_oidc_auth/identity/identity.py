"""The value that leaves a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.identity.authentication import Authentication


@dataclass(frozen=True, slots=True)
class Identity:
    """A person or machine, as verified at the IdP.

    ``(issuer, subject)`` is the identity; name and e-mail are for display and never join two accounts.

    :param provider: id of the provider in the configuration
    :param issuer: verified ``iss``
    :param subject: verified ``sub``; non-empty
    :param name: display name without control characters; falls back to the subject
    :param email: e-mail for display, or None
    :param email_verified: True only if the IdP said so with the boolean ``true``
    :param groups: normalised group names
    :param claims: all verified claims, for rules; kept out of every repr
    :param authentication: how and when, by the signed statement about the sign-in; None where the protocol has none
    :param actors: who acts on behalf of the subject, outermost first (``act``, RFC 8693 §4.1); empty when nobody does
    :param client_id: the client that the token was issued to (``client_id``, else ``azp``); None for a sign-in
    """

    provider: str
    issuer: str
    subject: str
    name: str
    email: str | None = None
    email_verified: bool = False
    groups: frozenset[str] = frozenset()
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)
    authentication: Authentication | None = None
    actors: tuple[str, ...] = ()
    client_id: str | None = None

    @property
    def delegated(self) -> bool:
        """Somebody else acts on behalf of the subject."""
        return bool(self.actors)
