"""Tokens for people at a terminal: ``airflow oidc login`` brings the id_token that it got from the IdP.

An id_token says who signed in, so it is accepted here and nowhere else, only of the command line's own client, only
young, and only once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.login.ports import BearerToken, Pool, Sessions
from airflow_oidc_auth.login.token_errors import INVALID_REQUEST, UNSUPPORTED_GRANT_TYPE, TokenDenied
from airflow_oidc_auth.login.token_form import ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, TOKEN_EXCHANGE

MAX_TOKEN = 16 * 1024
# Longer than `verify` takes an id_token.
REMEMBERED = 3600


@dataclass(frozen=True, slots=True)
class CliProvider:
    """A provider that people sign in at from a terminal.

    :param verify: verifies an id_token of the command line's client; may fetch the IdP's keys
    """

    id: str
    label: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    resource: str | None
    audience: str | None
    verify: Callable[[str], BearerToken] = field(repr=False)
    pool: Pool = field(repr=False)

    def facts(self) -> dict[str, object]:
        """Return what anybody may know."""
        named = {"id": self.id, "label": self.label, "issuer": self.issuer, "client_id": self.client_id}
        wished = {"resource": self.resource, "audience": self.audience}
        return {**named, "scopes": list(self.scopes), **wished}


class CliTokens:
    """The providers with ``cli``.

    :param clock: epoch seconds
    """

    def __init__(self, providers: Mapping[str, CliProvider], sessions: Sessions, clock: Callable[[], float]) -> None:
        self._providers = dict(providers)
        self._sessions = sessions
        self._clock = clock

    def facts(self) -> list[dict[str, object]]:
        """Return the providers as ``GET /auth/token/cli`` lists them."""
        return [provider.facts() for provider in self._providers.values()]

    async def verify(self, form: Mapping[str, str]) -> tuple[BearerToken, str]:
        """Return whose id_token that is, and use it up.

        :raises TokenDenied: the form is of something else
        :raises TokenRefused: the token is not good, or was used before
        :raises ProviderError: its signature cannot be verified now
        :raises SessionError: nobody knows whether it was used before
        """
        provider, token = self._read(form)
        bearer = await provider.pool.run(provider.verify, token)
        now = int(self._clock())
        claim = self._sessions.store.claim
        if not await self._sessions.run(claim, used_name(token), expires_at=now + REMEMBERED, now=now):
            raise TokenRefused("token_used_before", "the id_token was brought before")
        return bearer, token

    def _read(self, form: Mapping[str, str]) -> tuple[CliProvider, str]:
        if form.get("grant_type", TOKEN_EXCHANGE) != TOKEN_EXCHANGE:
            raise TokenDenied(UNSUPPORTED_GRANT_TYPE, "grant_type_unknown")
        provider = self._providers.get(form.get("provider", ""))
        if provider is None:
            raise TokenDenied(INVALID_REQUEST, "token_cli_provider")
        if form.get("subject_token_type", ID_TOKEN_TYPE) != ID_TOKEN_TYPE:
            raise TokenDenied(INVALID_REQUEST, "token_type_unsupported", text="subject_token_type is no id_token's.")
        if form.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
            raise TokenDenied(INVALID_REQUEST, "token_type_unsupported")
        token = form.get("subject_token", "")
        if not token or len(token) > MAX_TOKEN:
            raise TokenDenied(INVALID_REQUEST, "token_parameter_missing", text="There is no subject_token.")
        return provider, token


def used_name(token: str) -> str:
    """Name what the IdP signed: an ECDSA signature can be written in two ways, what is signed cannot."""
    signed = token.rpartition(".")[0]
    return hashlib.sha256(f"cli id_token\n{signed}".encode("utf-8", "surrogatepass")).hexdigest()
