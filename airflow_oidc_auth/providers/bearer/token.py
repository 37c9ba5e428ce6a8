"""The value that leaves this package."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.identity import Identity


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An access token that is to be believed.

    :param provider: id of the provider in the configuration
    :param issued_at: ``iat``
    :param expires_at: epoch seconds from which this is no longer to be believed without asking again: ``exp`` and the
        leeway, and at most a minute ahead for what introspection said
    :param exp: what the token itself says of its end; None only if introspection does not tell it
    :param token_id: ``jti``, if there is one
    :param client_id: the client that the token was issued to
    :param actors: who acts on behalf of the subject, outermost first (RFC 8693 §4.1)
    :param jkt: thumbprint of the key whose possession each request must prove (RFC 9449 §6)
    :param scopes: as granted
    """

    provider: str
    identity: Identity
    issued_at: int
    expires_at: int
    exp: int | None = None
    token_id: str | None = None
    client_id: str | None = None
    actors: tuple[str, ...] = ()
    jkt: str | None = None
    scopes: frozenset[str] = frozenset()
